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
    char digests_messages;
} Sink;

static PyTypeObject Sink_Type;
static PyObject *name_hexdigest;

/* Return the time of a record; -1 with an exception. */
static int64_t
sink_now(Sink *self)
{
    static PyTypeObject *known;
    if (is_kind_of(self->world, &Agenda_Type, &known)) {
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

/* Make room for some more bytes. */
static int
make_room(Sink *self, Py_ssize_t size)
{
    Py_ssize_t room = self->room ? self->room : 512;
    while (room < self->used + size) {
        room *= 2;
    }
    if (room > self->room) {
        char *gathered = PyMem_Realloc(self->gathered, room);
        if (gathered == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->gathered = gathered;
        self->room = room;
    }
    return 0;
}

static inline Pen
sink_pen(Sink *self)
{
    return (Pen){(unsigned char *)self->gathered + self->used, (unsigned char *)self->gathered + self->room, 0};
}

static int
write_head(Pen *pen, int64_t now_ns, PyObject *const *args, Py_ssize_t count, Py_ssize_t payload_size)
{
    int wrote = count < 18 && write_byte(pen, 0x95) && write_signed(pen, now_ns) && write_plain(pen, args[0]) &&
                write_plain(pen, args[1]) && write_byte(pen, (unsigned char)(0x90 | (count - 2)));
    for (Py_ssize_t i = 2; wrote && i < count; i++) {
        wrote = write_plain(pen, args[i]);
    }
    return wrote && write_signed(pen, payload_size);
}

/* Put the head of a record; 1 if something in it is not plain, -1 with an exception. */
static int
put_head(Sink *self, PyObject *const *args, Py_ssize_t count, Py_ssize_t payload_size)
{
    int64_t now_ns = sink_now(self);
    for (Py_ssize_t room = 256;; room *= 2) {
        if (PyErr_Occurred() || make_room(self, room) < 0) {
            return -1;
        }
        Pen pen = sink_pen(self);
        if (write_head(&pen, now_ns, args, count, payload_size)) {
            self->used = (char *)pen.at - self->gathered;
            return 0;
        }
        if (!pen.full) {
            return 1;
        }
    }
}

static int
put_bytes(Sink *self, const void *bytes, Py_ssize_t size)
{
    if (make_room(self, size) < 0) {
        return -1;
    }
    memcpy(self->gathered + self->used, bytes, size);
    self->used += size;
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
    Py_ssize_t size = PyBytes_CheckExact(payload) ? PyBytes_GET_SIZE(payload) : PyObject_Length(payload);
    if (size < 0) {
        return -1;
    }
    int odd = put_head(self, args, count, size);
    if (odd) {
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
    PyObject *messages = PyUnicode_FromString("message");
    int counts = messages == NULL ? -1 : PySet_Contains(digested, messages);
    Py_XDECREF(messages);
    if (counts < 0) {
        Py_DECREF(update);
        return -1;
    }
    self->digests_messages = (char)counts;
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
