/* The sink for records: the head of each in MessagePack, its payload, and the digest over both.
 *
 * Twin of `simkit/kernel/records.py`. What is digested is gathered and given to the hash in large pieces, which cannot
 * be told from small ones; the object that observers see is made only where somebody observes.
 *
 * It deliberately encodes plain values alone; a record with anything else goes through the twin's own encoder.
 */

#define GATHERED_MAX 65536
#define DIRECT_FROM 8192 /* payloads of this size go to the hash without being copied */
#define RECORD_FIELDS 6

typedef struct {
    PyObject_HEAD
    PyObject *world; /* an agenda, or anything with a time in tests */
    PyObject *observers; /* of every kind, as a dict */
    PyObject *digested;  /* the kinds that count */
    PyObject *encode;    /* the twin's encoder */
    PyObject *update;    /* of the hash */
    PyObject *hash;
    PyTypeObject *record;
    long long count;
    char *gathered;
    Py_ssize_t used;
    Py_ssize_t room;
    char open;
} Sink;

static PyTypeObject Sink_Type;
static PyObject *name_hexdigest;

/* Return the time of a record; -1 with an exception. */
static int64_t
sink_now(Sink *self)
{
    if (PyObject_TypeCheck(self->world, &Agenda_Type)) {
        return ((Agenda *)self->world)->now_ns;
    }
    PyObject *now = PyObject_GetAttrString(self->world, "now_ns");
    int64_t now_ns = now == NULL ? -1 : PyLong_AsLongLong(now);
    Py_XDECREF(now);
    return now_ns;
}

static int
sink_flush(Sink *self)
{
    if (self->used == 0) {
        return 0;
    }
    PyObject *bytes = PyBytes_FromStringAndSize(self->gathered, self->used);
    PyObject *done = bytes == NULL ? NULL : PyObject_CallOneArg(self->update, bytes);
    self->used = 0;
    Py_XDECREF(bytes);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Make room for some more bytes; return where they go. */
static unsigned char *
room_for(Sink *self, Py_ssize_t size)
{
    if (self->used + size > self->room) {
        Py_ssize_t room = self->room ? self->room * 2 : 512;
        while (room < self->used + size) {
            room *= 2;
        }
        char *gathered = PyMem_Realloc(self->gathered, room);
        if (gathered == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        self->gathered = gathered;
        self->room = room;
    }
    unsigned char *place = (unsigned char *)self->gathered + self->used;
    self->used += size;
    return place;
}

static inline void
big_endian(unsigned char *place, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        place[i] = (unsigned char)value;
        value >>= 8;
    }
}

/* A type byte and a number behind it. */
static int
put_number(Sink *self, unsigned char type, uint64_t value, int bytes)
{
    unsigned char *place = room_for(self, 1 + bytes);
    if (place == NULL) {
        return -1;
    }
    place[0] = type;
    big_endian(place + 1, value, bytes);
    return 0;
}

static int
put_signed(Sink *self, int64_t value)
{
    if (value >= 0) {
        return value < 128                   ? put_number(self, (unsigned char)value, 0, 0)
               : value < 256                 ? put_number(self, 0xcc, value, 1)
               : value < 65536               ? put_number(self, 0xcd, value, 2)
               : value < (INT64_C(1) << 32)  ? put_number(self, 0xce, value, 4)
                                             : put_number(self, 0xcf, value, 8);
    }
    return value >= -32                   ? put_number(self, (unsigned char)value, 0, 0)
           : value >= -128                ? put_number(self, 0xd0, value, 1)
           : value >= -32768              ? put_number(self, 0xd1, value, 2)
           : value >= -(INT64_C(1) << 31) ? put_number(self, 0xd2, value, 4)
                                          : put_number(self, 0xd3, value, 8);
}

static int
put_text(Sink *self, PyObject *text)
{
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (utf8 == NULL) {
        return -1;
    }
    int failed = size < 32      ? put_number(self, (unsigned char)(0xa0 | size), 0, 0)
                 : size < 256   ? put_number(self, 0xd9, size, 1)
                 : size < 65536 ? put_number(self, 0xda, size, 2)
                                : put_number(self, 0xdb, size, 4);
    unsigned char *place = failed ? NULL : room_for(self, size);
    if (place == NULL) {
        return -1;
    }
    memcpy(place, utf8, size);
    return 0;
}

/* Put one plain value; 1 if it is not plain, -1 with an exception. */
static int
put_value(Sink *self, PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        return put_text(self, value);
    }
    if (PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        return overflow ? 1 : put_signed(self, number);
    }
    if (value == Py_None || value == Py_True || value == Py_False) {
        return put_number(self, value == Py_None ? 0xc0 : value == Py_True ? 0xc3 : 0xc2, 0, 0);
    }
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        uint64_t bits;
        memcpy(&bits, &number, 8);
        return put_number(self, 0xcb, bits, 8);
    }
    return 1;
}

/* Put the head of a record; 1 if something in it is not plain, -1 with an exception. */
static int
put_head(Sink *self, PyObject *const *args, Py_ssize_t count, Py_ssize_t payload_size)
{
    Py_ssize_t details = count - 2;
    if (details > 15) {
        return 1;
    }
    int odd = put_number(self, 0x95, 0, 0);
    odd = odd ? odd : put_signed(self, sink_now(self));
    odd = odd ? odd : put_value(self, args[0]);
    odd = odd ? odd : put_value(self, args[1]);
    odd = odd ? odd : put_number(self, (unsigned char)(0x90 | details), 0, 0);
    for (Py_ssize_t i = 2; odd == 0 && i < count; i++) {
        odd = put_value(self, args[i]);
    }
    return odd ? odd : put_signed(self, payload_size);
}

static int
put_bytes(Sink *self, const void *bytes, Py_ssize_t size)
{
    unsigned char *place = room_for(self, size);
    if (place == NULL) {
        return -1;
    }
    memcpy(place, bytes, size);
    return self->used > GATHERED_MAX ? sink_flush(self) : 0;
}

/* Let the twin's encoder put a head. */
static int
put_odd_head(Sink *self, PyObject *const *args, Py_ssize_t count, Py_ssize_t payload_size)
{
    PyObject *detail = tuple_of(args + 2, count - 2);
    PyObject *head = detail == NULL ? NULL
                                    : Py_BuildValue("(LOONn)", (long long)sink_now(self), args[0], args[1], detail,
                                                    payload_size);
    PyObject *bytes = head == NULL ? NULL : PyObject_CallOneArg(self->encode, head);
    int done = bytes == NULL ? -1 : put_bytes(self, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    Py_XDECREF(head);
    Py_XDECREF(bytes);
    return done;
}

static int
digest_record(Sink *self, PyObject *const *args, Py_ssize_t count, PyObject *payload)
{
    Py_ssize_t size = PyObject_Length(payload), before = self->used;
    if (size < 0) {
        return -1;
    }
    int odd = put_head(self, args, count, size);
    if (odd) {
        self->used = before;
        if (odd < 0 || put_odd_head(self, args, count, size) < 0) {
            return -1;
        }
    }
    if (size == 0) {
        return self->used > GATHERED_MAX ? sink_flush(self) : 0;
    }
    if (size >= DIRECT_FROM || !PyBytes_CheckExact(payload)) {
        PyObject *done = sink_flush(self) < 0 ? NULL : PyObject_CallOneArg(self->update, payload);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    return put_bytes(self, PyBytes_AS_STRING(payload), size);
}

static int
tell_observers(Sink *self, PyObject *observers, PyObject *const *args, Py_ssize_t count, PyObject *payload,
               PyObject *value)
{
    PyObject *record = self->record->tp_alloc(self->record, RECORD_FIELDS);
    if (record == NULL) {
        return -1;
    }
    PyTuple_SET_ITEM(record, 0, PyLong_FromLongLong(sink_now(self)));
    PyTuple_SET_ITEM(record, 1, Py_NewRef(args[0]));
    PyTuple_SET_ITEM(record, 2, Py_NewRef(args[1]));
    PyTuple_SET_ITEM(record, 3, tuple_of(args + 2, count - 2));
    PyTuple_SET_ITEM(record, 4, Py_NewRef(payload));
    PyTuple_SET_ITEM(record, 5, Py_NewRef(value));
    int failed = PyErr_Occurred() != NULL;
    for (Py_ssize_t i = 0; !failed && i < PyTuple_GET_SIZE(observers); i++) {
        PyObject *done = PyObject_CallOneArg(PyTuple_GET_ITEM(observers, i), record);
        failed = done == NULL;
        Py_XDECREF(done);
    }
    Py_DECREF(record);
    return failed ? -1 : 0;
}

/* Write a record of a kind, a host and details. */
static int
write_record(Sink *self, PyObject *const *args, Py_ssize_t count, PyObject *payload, PyObject *value)
{
    PyObject *observers = PyDict_GetItemWithError(self->observers, args[0]);
    if (observers == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, args[0]);
        }
        return -1;
    }
    Py_INCREF(observers); /* one of them may subscribe another */
    int counts = PySet_Contains(self->digested, args[0]), done = counts < 0 ? -1 : 0;
    if (counts == 1) {
        self->count++;
        done = digest_record(self, args, count, payload);
    }
    if (done == 0 && PyTuple_CheckExact(observers) && PyTuple_GET_SIZE(observers)) {
        done = tell_observers(self, observers, args, count, payload, value);
    }
    Py_DECREF(observers);
    return done;
}

static PyObject *
sink_write(Sink *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    static PyObject *nothing;
    PyObject *payload = nothing, *value = Py_None;
    if (nothing == NULL && (payload = nothing = PyBytes_FromStringAndSize(NULL, 0)) == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_CompareWithASCIIString(name, "payload") == 0) {
            payload = args[count + i];
        } else if (PyUnicode_CompareWithASCIIString(name, "value") == 0) {
            value = args[count + i];
        } else {
            return PyErr_Format(PyExc_TypeError, "write() got an unexpected keyword argument %R", name);
        }
    }
    if (count < 2) {
        PyErr_SetString(PyExc_TypeError, "write() takes a kind, a host and details");
        return NULL;
    }
    if (!self->open) {
        Py_RETURN_NONE;
    }
    return write_record(self, args, count, payload, value) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
sink_digest(Sink *self, PyObject *unused)
{
    return sink_flush(self) < 0 ? NULL : PyObject_CallMethodNoArgs(self->hash, name_hexdigest);
}

static int
sink_init(Sink *self, PyObject *args, PyObject *options)
{
    PyObject *world, *observers, *digested, *encode, *hash, *record;
    if (!PyArg_ParseTuple(args, "OO!OOOO!", &world, &PyDict_Type, &observers, &digested, &encode, &hash,
                          &PyType_Type, &record)) {
        return -1;
    }
    PyObject *update = PyObject_GetAttrString(hash, "update");
    if (update == NULL || !PyType_IsSubtype((PyTypeObject *)record, &PyTuple_Type)) {
        Py_XDECREF(update);
        return PyErr_Occurred() ? -1 : refuse("a record is a tuple");
    }
    Py_XSETREF(self->update, update);
    Py_XSETREF(self->world, Py_NewRef(world));
    Py_XSETREF(self->observers, Py_NewRef(observers));
    Py_XSETREF(self->digested, Py_NewRef(digested));
    Py_XSETREF(self->encode, Py_NewRef(encode));
    Py_XSETREF(self->hash, Py_NewRef(hash));
    Py_XSETREF(self->record, (PyTypeObject *)Py_NewRef(record));
    self->open = 1;
    return 0;
}

static int
sink_traverse(Sink *self, visitproc visit, void *arg)
{
    Py_VISIT(self->world);
    Py_VISIT(self->observers);
    Py_VISIT(self->digested);
    Py_VISIT(self->encode);
    Py_VISIT(self->update);
    Py_VISIT(self->hash);
    Py_VISIT(self->record);
    return 0;
}

static int
sink_clear(Sink *self)
{
    self->open = 0;
    Py_CLEAR(self->world);
    Py_CLEAR(self->observers);
    Py_CLEAR(self->digested);
    Py_CLEAR(self->encode);
    Py_CLEAR(self->update);
    Py_CLEAR(self->hash);
    Py_CLEAR(self->record);
    return 0;
}

static void
sink_dealloc(Sink *self)
{
    PyObject_GC_UnTrack(self);
    sink_clear(self);
    PyMem_Free(self->gathered);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef sink_methods[] = {
    {"write", QUICK(sink_write), METH_FASTCALL | METH_KEYWORDS, "Tell that something happened now."},
    {"digest", (PyCFunction)sink_digest, METH_NOARGS, "Return the digest so far as 32 hexadecimal digits."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef sink_members[] = {
    {"count", T_LONGLONG, offsetof(Sink, count), 0, NULL},
    {"open", T_BOOL, offsetof(Sink, open), 0, NULL},
    {"_observers", T_OBJECT, offsetof(Sink, observers), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject Sink_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Sink",
    .tp_basicsize = sizeof(Sink),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "The sink for records; see simkit.kernel.records.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)sink_init,
    .tp_dealloc = (destructor)sink_dealloc,
    .tp_traverse = (traverseproc)sink_traverse,
    .tp_clear = (inquiry)sink_clear,
    .tp_methods = sink_methods,
    .tp_members = sink_members,
};
