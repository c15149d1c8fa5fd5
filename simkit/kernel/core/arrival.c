/* How a message arrives: its record, and the handler that takes it.
 *
 * Twin of `Parcel.delivered` and what follows it in `simkit/network/`: `endpoint.py`, `handlers.py`. A handler that is a plain
 * function is called here; tasks, requests and replies are made by the twin.
 *
 * It deliberately keeps a message flat, in what the host's loop receives; a whole parcel is made where the twin wants one.
 */

/* -- records */

typedef struct {
    PyObject *target;
    PyObject *source;
    PyObject *tag;
} Label;

/* Digest what became of a message, without making anything of it; 1 if it is out of the ordinary. */
static int
digest_message(Sink *sink, const Posted *parcel, const Label *label, PyObject *outcome)
{
    PyObject *payload = parcel->args[0];
    Py_ssize_t size = PyBytes_GET_SIZE(payload);
    if (size >= DIRECT_FROM || !PyUnicode_CheckExact(label->target) || !PyUnicode_CheckExact(label->source) ||
        !PyUnicode_CheckExact(label->tag)) {
        return 1;
    }
    if (make_room(sink, size + 256) < 0) {
        return -1;
    }
    Pen pen = sink_pen(sink);
    int wrote = write_byte(&pen, 0x95) && write_signed(&pen, sink_now(sink)) && write_text(&pen, kind_message) &&
                write_text(&pen, label->target) && write_byte(&pen, 0x95) && write_text(&pen, label->source) &&
                write_text(&pen, label->tag) && write_signed(&pen, parcel->number) &&
                write_text(&pen, purposes[(int)parcel->purpose]) && write_text(&pen, outcome) &&
                write_signed(&pen, size) && write_raw(&pen, PyBytes_AS_STRING(payload), size);
    if (!wrote) {
        return 1;
    }
    sink->used = (char *)pen.at - sink->gathered;
    sink->count++;
    return sink->used > GATHERED_MAX ? sink_flush(sink) : 0;
}

/* Write the record of a message for those who observe. */
static int
record_message(Sink *sink, const Posted *parcel, const Label *label, PyObject *outcome)
{
    PyObject *number = PyLong_FromLongLong(parcel->number), *sent_ns = PyLong_FromLongLong(parcel->sent_ns);
    PyObject *args[] = {kind_message, label->target, label->source, label->tag, number,
                        purposes[(int)parcel->purpose], outcome};
    int done = number == NULL || sent_ns == NULL ? -1 : write_record(sink, args, 7, parcel->args[0], sent_ns);
    Py_XDECREF(number);
    Py_XDECREF(sent_ns);
    return done;
}

/* Tell what became of a message, as `Parcel.told` does. */
static int
tell_message(Posted *parcel, PyObject *outcome)
{
    PyObject *path = parcel->callback, *message = parcel->args[1], *records = SLOT(path, at.records);
    if (!is_kind_of(records, &Sink_Type, &known_sink)) {
        PyErr_SetString(PyExc_TypeError, "a world's records are a sink");
        return -1;
    }
    Sink *sink = (Sink *)records;
    if (!sink->open) {
        return 0;
    }
    PyObject *observers = PyDict_GetItemWithError(sink->observers, kind_message);
    const Plan *plan = plan_of(Py_TYPE(message));
    PyObject *tag = plan != NULL ? Py_NewRef(plan->tag) : PyObject_GetAttr(message, name_wire_tag);
    if (tag == NULL) {
        return -1;
    }
    Label label = {SLOT(SLOT(path, at.target), at.name), SLOT(SLOT(path, at.source), at.name), tag};
    int done = 1;
    if (sink->digests_messages && observers != NULL && PyTuple_CheckExact(observers) &&
        PyTuple_GET_SIZE(observers) == 0) {
        done = digest_message(sink, parcel, &label, outcome);
    }
    if (done == 1) {
        done = record_message(sink, parcel, &label, outcome);
    }
    Py_DECREF(tag);
    return done;
}

/* -- arriving */

/* Return what the twin makes of a message that is on its way. */
static PyObject *
parcel_of(Posted *flat)
{
    PyObject *parcel = Parcel_Type->tp_alloc(Parcel_Type, 0);
    if (parcel == NULL) {
        return NULL;
    }
    SLOT(parcel, at.parcel_path) = Py_NewRef(flat->callback);
    SLOT(parcel, at.payload) = Py_NewRef(flat->args[0]);
    SLOT(parcel, at.message) = Py_NewRef(flat->args[1]);
    SLOT(parcel, at.purpose) = Py_NewRef(purposes[(int)flat->purpose]);
    SLOT(parcel, at.sent_ns) = PyLong_FromLongLong(flat->sent_ns);
    SLOT(parcel, at.number) = PyLong_FromLongLong(flat->number);
    if (SLOT(parcel, at.sent_ns) == NULL || SLOT(parcel, at.number) == NULL) {
        Py_CLEAR(parcel);
    }
    return parcel;
}

/* Return what handlers hear of the sender of a datagram, borrowed from the path. */
static PyObject *
origin_of(PyObject *path)
{
    PyObject *origin = SLOT(path, at.origin);
    if (origin == NULL || origin == Py_None) {
        origin = PyObject_CallFunctionObjArgs(Origin_Type, SLOT(SLOT(path, at.source), at.name), Py_None, NULL);
        if (origin != NULL) {
            Py_XSETREF(SLOT(path, at.origin), origin);
        }
    }
    return origin;
}

/* Let `sender` answer for what is handled from now on; most hosts hear the same one again. */
static int
set_origin(PyObject *origin)
{
    PyObject *set;
    if (PyContextVar_Get(current_origin, NULL, &set) < 0) {
        return -1;
    }
    Py_XDECREF(set);
    if (set == origin) {
        return 0;
    }
    PyObject *token = PyContextVar_Set(current_origin, origin);
    Py_XDECREF(token);
    return token == NULL ? -1 : 0;
}

/* Give the exception of a handler to the twin, unless it is one that handlers may not have. */
static PyObject *
handler_failed(PyObject *handler, PyObject *message, PyObject *origin)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return NULL;
    }
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyErr_NormalizeException(&kind, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    PyObject *told = PyObject_CallMethodObjArgs(handler, name_failed, message, origin, error, NULL);
    Py_XDECREF(kind);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return told;
}

/* Give a datagram to its handler. */
static PyObject *
handle(PyObject *endpoint, PyObject *path, PyObject *message)
{
    PyObject *origin = Py_XNewRef(origin_of(path)), *handlers = SLOT(endpoint, at.handlers), *result = NULL;
    PyObject *handler = origin == NULL ? NULL : PyDict_GetItemWithError(handlers, (PyObject *)Py_TYPE(message));
    Py_XINCREF(handler);
    if (handler == NULL) {
        if (!PyErr_Occurred()) {
            result = PyObject_CallMethodObjArgs(endpoint, name_dispatch, message, origin, NULL);
        }
    } else if (!is_a(handler, Handler_Type) || SLOT(handler, at.is_coroutine) != Py_False) {
        result = PyObject_CallMethodObjArgs(handler, name_take, message, origin, NULL);
    } else if (set_origin(origin) == 0) {
        PyObject *function = Py_NewRef(SLOT(handler, at.function));
        result = PyObject_CallOneArg(function, message);
        Py_DECREF(function);
        if (result == NULL) {
            result = handler_failed(handler, message, origin);
        }
    }
    Py_XDECREF(handler);
    Py_XDECREF(origin);
    return result;
}

static PyObject *
arrive(Posted *parcel)
{
    PyObject *path = parcel->callback, *message = parcel->args[1], *stack = parcel->args[2];
    PyObject *endpoint = Py_XNewRef(SLOT(stack, at.endpoint)), *result = NULL;
    if (endpoint == NULL || endpoint == Py_None) {
        result = tell_message(parcel, told_no_process) < 0 ? NULL : Py_NewRef(Py_None);
    } else if (tell_message(parcel, told_delivered) == 0) {
        PyObject *network = SLOT(path, at.path_network);
        if (parcel->purpose == SEND && is_a(endpoint, Endpoint_Type) && SLOT(network, at.strict) == Py_False) {
            result = handle(endpoint, path, message);
        } else {
            PyObject *whole = parcel_of(parcel);
            result = whole == NULL ? NULL : PyObject_CallMethodOneArg(endpoint, name_receive, whole);
            Py_XDECREF(whole);
        }
    }
    Py_XDECREF(endpoint);
    return result;
}

/* Let a message arrive, in the context of the host that receives it. */
static int
parcel_run(Posted *parcel)
{
    PyObject *context = turns_context(parcel->loop);
    if (context == NULL || PyContext_Enter(context) < 0) {
        return tell_failure(receiving_failed, (PyObject *)parcel->loop);
    }
    PyObject *result = arrive(parcel);
    if (PyContext_Exit(context) < 0) {
        Py_CLEAR(result);
    }
    if (result == NULL) {
        return tell_failure(receiving_failed, (PyObject *)parcel->loop);
    }
    Py_DECREF(result);
    return 0;
}
