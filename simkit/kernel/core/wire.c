/* The bytes of a message, written by a plan that is made once for each class of messages.
 *
 * Twin of `Message.encode`: the same bytes for a short message of plain values, which nearly all are. The plan holds the
 * names of the fields as they stand on the wire, and their places in the object.
 *
 * It deliberately gives up, before anybody has seen anything, where a value is not plain or there is more than fits a
 * line of thought: msgspec then does the whole.
 */

#define WIRE_BYTES_MAX 512
#define WIRE_FIELDS_MAX 15 /* what a short map of MessagePack holds, with the tag */
#define WIRE_DEPTH_MAX 8
#define WIRE_CAPSULE "simkit.kernel.core.wire"

typedef struct {
    Py_ssize_t place;
    Py_ssize_t size;
    unsigned char *name; /* as text of MessagePack */
} Field;

typedef struct {
    PyTypeObject *type; /* whose attribute this is */
    PyObject *tag;
    Py_ssize_t count; /* of fields; -1 if msgspec has to do it */
    Py_ssize_t head_size;
    unsigned char head[64]; /* a map, its tag */
    Field fields[];
} Plan;

static PyObject *name_plan, *name_wire_tag, *name_encode;
static PyObject *own_encode, *reference_encode; /* the method of messages that stands below, and the twin */

static int write_message(Pen *, PyObject *message, int depth);

/* Write a value of a field; 0 if it is not plain, or there is no room. */
static int
write_value(Pen *pen, PyObject *value, int depth)
{
    if (value == NULL || depth > WIRE_DEPTH_MAX) {
        return 0;
    }
    if (write_plain(pen, value)) {
        return 1;
    }
    if (PyBytes_CheckExact(value)) {
        Py_ssize_t size = PyBytes_GET_SIZE(value);
        return (size < 256 ? write_number(pen, 0xc4, size, 1) : size < 65536 && write_number(pen, 0xc5, size, 2)) &&
               write_raw(pen, PyBytes_AS_STRING(value), size);
    }
    if (PyTuple_CheckExact(value)) {
        Py_ssize_t size = PyTuple_GET_SIZE(value);
        int fits = size < 16 ? write_byte(pen, (unsigned char)(0x90 | size))
                             : size < 65536 && write_number(pen, 0xdc, size, 2);
        for (Py_ssize_t i = 0; fits && i < size; i++) {
            fits = write_value(pen, PyTuple_GET_ITEM(value, i), depth + 1);
        }
        return fits;
    }
    return !pen->full && write_message(pen, value, depth + 1);
}

/* -- plans */

static void
plan_free(PyObject *capsule)
{
    Plan *plan = PyCapsule_GetPointer(capsule, WIRE_CAPSULE);
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        PyMem_Free(plan->fields[i].name);
    }
    Py_XDECREF(plan->tag);
    PyMem_Free(plan);
}

static int
plan_field(Plan *plan, PyTypeObject *type, PyObject *name, PyObject *written)
{
    unsigned char text[WIRE_BYTES_MAX];
    Pen pen = {text, text + sizeof(text), 0};
    Field *field = &plan->fields[plan->count];
    if (!PyUnicode_CheckExact(written) || !write_text(&pen, written) ||
        find_slot(type, PyUnicode_AsUTF8(name), &field->place) < 0) {
        PyErr_Clear();
        return 0;
    }
    field->size = pen.at - text;
    field->name = PyMem_Malloc(field->size);
    if (field->name == NULL) {
        return 0;
    }
    memcpy(field->name, text, field->size);
    plan->count++;
    return 1;
}

/* Fill the plan of a class that is written as a map with a tag and all of its fields; return whether it is. */
static int
plan_fields(Plan *plan, PyTypeObject *type, PyObject *fields, PyObject *written)
{
    PyObject *config = PyObject_GetAttrString((PyObject *)type, "__struct_config__");
    PyObject *tag_field = config == NULL ? NULL : PyObject_GetAttrString(config, "tag_field");
    PyObject *tag = config == NULL ? NULL : PyObject_GetAttrString(config, "tag");
    PyObject *as_array = config == NULL ? NULL : PyObject_GetAttrString(config, "array_like");
    PyObject *omits = config == NULL ? NULL : PyObject_GetAttrString(config, "omit_defaults");
    Pen pen = {plan->head, plan->head + sizeof(plan->head), 0};
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    int fits = as_array == Py_False && omits == Py_False && tag == plan->tag && PyUnicode_CheckExact(tag_field) &&
               PyUnicode_CheckExact(tag) && write_byte(&pen, (unsigned char)(0x80 | (count + 1))) &&
               write_text(&pen, tag_field) && write_text(&pen, tag);
    plan->head_size = pen.at - plan->head;
    for (Py_ssize_t i = 0; fits && i < count; i++) {
        fits = plan_field(plan, type, PyTuple_GET_ITEM(fields, i), PyTuple_GET_ITEM(written, i));
    }
    Py_XDECREF(config);
    Py_XDECREF(tag_field);
    Py_XDECREF(tag);
    Py_XDECREF(as_array);
    Py_XDECREF(omits);
    return fits;
}

static Plan *
plan_new(PyTypeObject *type)
{
    PyObject *fields = PyObject_GetAttrString((PyObject *)type, "__struct_fields__");
    PyObject *written = fields == NULL ? NULL : PyObject_GetAttrString((PyObject *)type, "__struct_encode_fields__");
    PyObject *tag = written == NULL ? NULL : PyObject_GetAttr((PyObject *)type, name_wire_tag), *capsule = NULL;
    Plan *plan = NULL;
    if (tag != NULL && PyTuple_CheckExact(fields) && PyTuple_CheckExact(written) &&
        PyTuple_GET_SIZE(fields) == PyTuple_GET_SIZE(written) &&
        (plan = PyMem_Calloc(1, sizeof(Plan) + PyTuple_GET_SIZE(fields) * sizeof(Field))) != NULL) {
        plan->type = type;
        plan->tag = Py_NewRef(tag);
        int fits = PyTuple_GET_SIZE(fields) < WIRE_FIELDS_MAX && plan_fields(plan, type, fields, written);
        if (!fits) {
            while (plan->count > 0) {
                PyMem_Free(plan->fields[--plan->count].name);
            }
            plan->count = -1;
        }
        capsule = PyCapsule_New(plan, WIRE_CAPSULE, plan_free);
    }
    if (capsule == NULL || PyObject_SetAttr((PyObject *)type, name_plan, capsule) < 0) {
        plan = NULL;
    }
    Py_XDECREF(capsule);
    Py_XDECREF(fields);
    Py_XDECREF(written);
    Py_XDECREF(tag);
    PyErr_Clear();
    return plan;
}

/* Return the plan of a class of messages, made at its first use; NULL without an exception for anything else. */
static Plan *
plan_of(PyTypeObject *type)
{
    PyObject *capsule = _PyType_Lookup(type, name_plan);
    if (capsule != NULL && PyCapsule_CheckExact(capsule)) {
        Plan *plan = PyCapsule_GetPointer(capsule, WIRE_CAPSULE);
        if (plan != NULL && plan->type == type) { /* and not its base's */
            return plan;
        }
    }
    return _PyType_Lookup(type, name_encode) == own_encode ? plan_new(type) : NULL;
}

static int
write_message(Pen *pen, PyObject *message, int depth)
{
    Plan *plan = plan_of(Py_TYPE(message));
    if (plan == NULL || plan->count < 0 || !write_raw(pen, plan->head, plan->head_size)) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        const Field *field = &plan->fields[i];
        if (!write_raw(pen, field->name, field->size) || !write_value(pen, SLOT(message, field->place), depth)) {
            return 0;
        }
    }
    return 1;
}

static PyObject *
message_encode(PyObject *message, PyObject *unused)
{
    unsigned char text[WIRE_BYTES_MAX];
    Pen pen = {text, text + sizeof(text), 0};
    if (write_message(&pen, message, 0)) {
        return PyBytes_FromStringAndSize((char *)text, pen.at - text);
    }
    return PyObject_CallOneArg(reference_encode, message);
}

/* Return the bytes of a message, by the method that its class may have of its own. */
static PyObject *
encoded(PyObject *message)
{
    if (_PyType_Lookup(Py_TYPE(message), name_encode) == own_encode) {
        return message_encode(message, NULL);
    }
    return PyObject_CallMethodNoArgs(message, name_encode);
}
