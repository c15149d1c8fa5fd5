/* A message's way from an endpoint to the handler at the other end, while nothing but latency can happen to it.
 *
 * Twin of `Endpoint.send` and what follows it in `simkit/network/`: `endpoint.py`, `datagram.py`, `path.py`, `handlers.py`.
 * The path of an ordered pair is the port: it is made once, and says in its slots whether it is still right (the network's
 * epoch) and plain (no loss, no flaw, no bottleneck, no fault). The objects are Python's own, read by their places.
 *
 * It deliberately does nothing that is out of the ordinary: whenever a condition does not hold, and before the first draw is
 * taken, the message is left to the twin.
 */

enum { SEND = 1, REQUEST, REPLY, PURPOSES };

static PyTypeObject *Endpoint_Type, *Path_Type, *Parcel_Type, *Handler_Type, *Stack_Type, *Interface_Type, *Network_Type, *Batch_Type;
static PyObject *Origin_Type, *current_origin, *encode_plain, *message_encode, *reference_send, *reference_launch;
static PyObject *purposes[PURPOSES], *kind_message, *told_delivered, *told_no_process;
static PyObject *name_encode, *name_look, *name_wire_tag, *name_receive, *name_dispatch, *name_take, *name_failed;
static Py_ssize_t datagram_header_bytes;

static struct {
    Py_ssize_t network, stack, paths, handlers, last_message, last_payload; /* of an endpoint */
    Py_ssize_t epoch, messages, strict;                                     /* of the network */
    Py_ssize_t name, current_stack, tampering;                              /* of an interface */
    Py_ssize_t running, direct, loop, endpoint;                             /* of a stack */
    Py_ssize_t source, target, path_network, path_epoch, plain, one_way, stream, frame_bytes, world, records, origin;
    Py_ssize_t parcel_path, payload, sent_ns, message, number, purpose;
    Py_ssize_t function, is_coroutine;
} at;

static inline int
is_a(PyObject *object, PyTypeObject *type)
{
    return object != NULL && Py_IS_TYPE(object, type);
}

/* -- sending */

/* Return a new reference to the bytes of a message, and keep them: it is often sent to the next host as well. */
static PyObject *
payload_of(PyObject *endpoint, PyObject *message)
{
    if (message == SLOT(endpoint, at.last_message)) {
        return Py_XNewRef(SLOT(endpoint, at.last_payload));
    }
    PyObject *payload = NULL;
    if (_PyType_Lookup(Py_TYPE(message), name_encode) == message_encode &&
        (payload = PyObject_CallOneArg(encode_plain, message)) == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return NULL;
        }
        PyErr_Clear(); /* the twin knows better words for it */
    }
    if (payload == NULL && (payload = PyObject_CallMethodNoArgs(message, name_encode)) == NULL) {
        return NULL;
    }
    Py_XSETREF(SLOT(endpoint, at.last_payload), Py_NewRef(payload));
    Py_XSETREF(SLOT(endpoint, at.last_message), Py_NewRef(message));
    return payload;
}

/* Return 1 if nothing but latency can happen to a packet of a path, 0 if something can, -1 with an exception. */
static int
is_plain(PyObject *path)
{
    PyObject *network = SLOT(path, at.path_network);
    if (!is_a(network, Network_Type)) {
        return 0;
    }
    if (SLOT(path, at.path_epoch) != SLOT(network, at.epoch)) {
        PyObject *done = PyObject_CallMethodNoArgs(path, name_look);
        Py_XDECREF(done);
        if (done == NULL) {
            return -1;
        }
    }
    return SLOT(path, at.plain) == Py_True;
}

/* Return the stack that takes what a path carries, if its process runs; borrowed, NULL without an exception if not. */
static PyObject *
open_stack(PyObject *path)
{
    PyObject *interface = SLOT(path, at.target);
    PyObject *stack = is_a(interface, Interface_Type) ? SLOT(interface, at.current_stack) : NULL;
    if (!is_a(stack, Stack_Type) || SLOT(stack, at.direct) != Py_True) {
        return NULL;
    }
    PyObject *loop = SLOT(stack, at.loop);
    return loop != NULL && Turns_Check(loop) ? stack : NULL;
}

static int
fits_frame(PyObject *path, PyObject *payload)
{
    PyObject *frame = SLOT(path, at.frame_bytes);
    return PyBytes_CheckExact(payload) && frame != NULL &&
           PyBytes_GET_SIZE(payload) + datagram_header_bytes <= PyLong_AsSsize_t(frame);
}

/* Take the draws of a packet, and let it arrive. */
static int
travel(PyObject *path, Posted *parcel)
{
    PyObject *stream = SLOT(path, at.stream);
    Agenda *world = (Agenda *)SLOT(path, at.world);
    int64_t latency_ns = draw_ns(SLOT(path, at.one_way), stream);
    if (latency_ns < 0 || skip_draw(stream) < 0) {
        return -1;
    }
    parcel->sent_ns = world->now_ns;
    if (latency_ns == 0) {
        return turns_receive(parcel->loop, (PyObject *)parcel);
    }
    parcel->scheduled = 1;
    return queue_push(&world->queue, world->now_ns + latency_ns, ++world->sequence, parcel->loop, (PyObject *)parcel);
}

/* Send a message; 0 if the twin has to, since nothing has been done yet, -1 with an exception. */
static int
launch(PyObject *endpoint, PyObject *path, PyObject *message, int64_t number, int purpose)
{
    PyObject *stack = SLOT(endpoint, at.stack);
    if (!is_a(path, Path_Type) || !is_a(stack, Stack_Type) || SLOT(stack, at.running) != Py_True ||
        PyObject_TypeCheck(message, Batch_Type)) {
        return 0;
    }
    PyObject *interface = SLOT(path, at.source);
    if (!is_a(interface, Interface_Type) || SLOT(interface, at.tampering) != Py_None ||
        !PyObject_TypeCheck(SLOT(path, at.world), &Agenda_Type)) {
        return 0;
    }
    PyObject *payload = payload_of(endpoint, message);
    int done = payload == NULL ? -1 : is_plain(path);
    if (done == 1) {
        PyObject *taker = fits_frame(path, payload) ? open_stack(path) : NULL;
        if (taker == NULL) {
            done = PyErr_Occurred() ? -1 : 0;
        } else {
            PyObject *carried[] = {payload, message, taker};
            Posted *parcel = posted_new((Turns *)SLOT(taker, at.loop), path, carried, 3);
            if (parcel == NULL) {
                done = -1;
            } else {
                parcel->number = number;
                parcel->purpose = (char)purpose;
                done = travel(path, parcel) < 0 ? -1 : 1;
                Py_DECREF(parcel);
            }
        }
    }
    Py_XDECREF(payload);
    return done;
}

static PyObject *
by_reference(PyObject *function, PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *bound = PyMethod_New(function, self);
    PyObject *result = bound == NULL ? NULL : PyObject_Vectorcall(bound, args, count, names);
    Py_XDECREF(bound);
    return result;
}

/* Return the number of a new message; -1 with an exception. */
static int64_t
next_message(PyObject *network)
{
    int64_t number = PyLong_AsLongLong(SLOT(network, at.messages));
    PyObject *next = number == -1 ? NULL : PyLong_FromLongLong(++number);
    if (next == NULL) {
        return -1;
    }
    Py_XSETREF(SLOT(network, at.messages), next);
    return number;
}

static PyObject *
endpoint_launch(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (names == NULL && count == 4 && is_a(self, Endpoint_Type) && PyLong_CheckExact(args[2])) {
        int purpose = SEND;
        while (purpose < PURPOSES && purposes[purpose] != args[3]) {
            purpose++;
        }
        int64_t number = PyLong_AsLongLong(args[2]);
        int done = number == -1 && PyErr_Occurred() ? -1
                   : purpose == PURPOSES            ? 0
                                                    : launch(self, args[0], args[1], number, purpose);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return by_reference(reference_launch, self, args, count, names);
}

static PyObject *
endpoint_send(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *paths = names == NULL && count == 2 && is_a(self, Endpoint_Type) ? SLOT(self, at.paths) : NULL;
    PyObject *network = paths == NULL ? NULL : SLOT(self, at.network);
    PyObject *path = is_a(network, Network_Type) ? PyDict_GetItemWithError(paths, args[0]) : NULL;
    if (path == NULL) {
        return PyErr_Occurred() ? NULL : by_reference(reference_send, self, args, count, names);
    }
    int64_t number = next_message(network);
    if (number < 0) {
        return NULL;
    }
    Py_INCREF(path);
    int done = launch(self, path, args[1], number, SEND);
    PyObject *result = done == 1 ? Py_NewRef(Py_None) : NULL;
    if (done == 0) {
        PyObject *serial = PyLong_FromLongLong(number);
        PyObject *given[] = {path, args[1], serial, purposes[SEND]};
        result = serial == NULL ? NULL : by_reference(reference_launch, self, given, 4, NULL);
        Py_XDECREF(serial);
    }
    Py_DECREF(path);
    return result;
}

/* -- records */

/* Tell what became of a message, as `Parcel.told` does. */
static int
tell_message(Posted *parcel, PyObject *outcome)
{
    PyObject *path = parcel->callback, *payload = parcel->args[0], *records = SLOT(path, at.records);
    if (!PyObject_TypeCheck(records, &Sink_Type)) {
        PyErr_SetString(PyExc_TypeError, "a world's records are a sink");
        return -1;
    }
    Sink *sink = (Sink *)records;
    if (!sink->open) {
        return 0;
    }
    PyObject *tag = PyObject_GetAttr(parcel->args[1], name_wire_tag), *number = PyLong_FromLongLong(parcel->number);
    PyObject *args[] = {kind_message, SLOT(SLOT(path, at.target), at.name), SLOT(SLOT(path, at.source), at.name),
                        tag, number, purposes[(int)parcel->purpose], outcome};
    int done = -1;
    if (tag != NULL && number != NULL) {
        PyObject *sent_ns = PyLong_FromLongLong(parcel->sent_ns);
        done = sent_ns == NULL ? -1 : write_record(sink, args, 7, payload, sent_ns);
        Py_XDECREF(sent_ns);
    }
    Py_XDECREF(tag);
    Py_XDECREF(number);
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

/* -- what it is given */

static PyObject *given(PyObject *things, const char *name);

static int
find_places(void)
{
    const struct {
        PyTypeObject *type;
        const char *name;
        Py_ssize_t *place;
    } wanted[] = {
        {Endpoint_Type, "_network", &at.network},
        {Endpoint_Type, "_stack", &at.stack},
        {Endpoint_Type, "_paths", &at.paths},
        {Endpoint_Type, "_handlers", &at.handlers},
        {Endpoint_Type, "_last_message", &at.last_message},
        {Endpoint_Type, "_last_payload", &at.last_payload},
        {Network_Type, "epoch", &at.epoch},
        {Network_Type, "_messages", &at.messages},
        {Network_Type, "strict", &at.strict},
        {Interface_Type, "name", &at.name},
        {Interface_Type, "stack", &at.current_stack},
        {Interface_Type, "tampering", &at.tampering},
        {Stack_Type, "running", &at.running},
        {Stack_Type, "direct", &at.direct},
        {Stack_Type, "loop", &at.loop},
        {Stack_Type, "endpoint", &at.endpoint},
        {Path_Type, "source", &at.source},
        {Path_Type, "target", &at.target},
        {Path_Type, "network", &at.path_network},
        {Path_Type, "_epoch", &at.path_epoch},
        {Path_Type, "_plain", &at.plain},
        {Path_Type, "_one_way", &at.one_way},
        {Path_Type, "_stream", &at.stream},
        {Path_Type, "frame_bytes", &at.frame_bytes},
        {Path_Type, "_world", &at.world},
        {Path_Type, "records", &at.records},
        {Path_Type, "origin", &at.origin},
        {Parcel_Type, "path", &at.parcel_path},
        {Parcel_Type, "payload", &at.payload},
        {Parcel_Type, "sent_ns", &at.sent_ns},
        {Parcel_Type, "message", &at.message},
        {Parcel_Type, "number", &at.number},
        {Parcel_Type, "purpose", &at.purpose},
        {Handler_Type, "_function", &at.function},
        {Handler_Type, "_is_coroutine", &at.is_coroutine},
        {kinds[CONSTANT].type, "value", &kinds[CONSTANT].first},
        {kinds[CONSTANT].type, "value", &kinds[CONSTANT].second},
        {kinds[EXPONENTIAL].type, "average", &kinds[EXPONENTIAL].first},
        {kinds[EXPONENTIAL].type, "average", &kinds[EXPONENTIAL].second},
        {kinds[UNIFORM].type, "low", &kinds[UNIFORM].first},
        {kinds[UNIFORM].type, "high", &kinds[UNIFORM].second},
        {kinds[NORMAL].type, "average", &kinds[NORMAL].first},
        {kinds[NORMAL].type, "std", &kinds[NORMAL].second},
        {kinds[LOGNORMAL].type, "median", &kinds[LOGNORMAL].first},
        {kinds[LOGNORMAL].type, "sigma", &kinds[LOGNORMAL].second},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (find_slot(wanted[i].type, wanted[i].name, wanted[i].place) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
take_network(PyObject *things)
{
    const struct {
        void *place;
        const char *name;
    } wanted[] = {
        {&Endpoint_Type, "endpoint"},
        {&Path_Type, "path"},
        {&Parcel_Type, "parcel"},
        {&Handler_Type, "handler"},
        {&Stack_Type, "stack"},
        {&Interface_Type, "interface"},
        {&Network_Type, "network"},
        {&Batch_Type, "batch"},
        {&kinds[CONSTANT].type, "constant"},
        {&kinds[EXPONENTIAL].type, "exponential"},
        {&kinds[UNIFORM].type, "uniform"},
        {&kinds[NORMAL].type, "normal"},
        {&kinds[LOGNORMAL].type, "lognormal"},
        {&Origin_Type, "origin"},
        {&current_origin, "current_origin"},
        {&encode_plain, "encode"},
        {&message_encode, "message_encode"},
        {&purposes[SEND], "send"},
        {&purposes[REQUEST], "request"},
        {&purposes[REPLY], "reply"},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        PyObject *thing = given(things, wanted[i].name);
        if (thing == NULL) {
            return -1;
        }
        if (i < 13 && !PyType_Check(thing)) {
            PyErr_Format(PyExc_TypeError, "%s is a type", wanted[i].name);
            return -1;
        }
        *(PyObject **)wanted[i].place = thing;
    }
    PyObject *header = given(things, "header_bytes");
    datagram_header_bytes = header == NULL ? -1 : PyLong_AsSsize_t(header);
    return PyErr_Occurred() ? -1 : find_places();
}

static PyMethodDef endpoint_methods[] = {
    {"send", QUICK(endpoint_send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, target, message)\n--\n\n"
     "Send a datagram: it may be lost, and overtaken. `socket.gaierror` if there is no such host."},
    {"_launch", QUICK(endpoint_launch), METH_FASTCALL | METH_KEYWORDS, "Send a message along a path."},
};

/* Take the place of a method of the twin, and keep it for what is left to it. */
static int
replace(PyMethodDef *method, PyObject **reference)
{
    *reference = PyObject_GetAttrString((PyObject *)Endpoint_Type, method->ml_name);
    PyObject *quick = *reference == NULL ? NULL : PyDescr_NewMethod(Endpoint_Type, method);
    int done = quick == NULL ? -1 : PyObject_SetAttrString((PyObject *)Endpoint_Type, method->ml_name, quick);
    Py_XDECREF(quick);
    return done;
}

static PyObject *
carry_messages(PyObject *module, PyObject *things)
{
    if (Endpoint_Type != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the core carries messages already");
        return NULL;
    }
    if (!PyDict_Check(things) || take_network(things) < 0 || replace(&endpoint_methods[0], &reference_send) < 0 ||
        replace(&endpoint_methods[1], &reference_launch) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}
