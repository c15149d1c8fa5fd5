/* How a message sets out, while nothing but latency can happen to it.
 *
 * Twin of `Endpoint.send` and what follows it in `simkit/network/`: `endpoint.py`, `datagram.py`, `path.py`.
 * The path of an ordered pair is the port: it is made once, and says in its slots whether it is still right (the network's
 * epoch) and plain (no loss, no flaw, no bottleneck, no fault). The objects are Python's own, read by their places.
 *
 * It deliberately does nothing that is out of the ordinary: whenever a condition does not hold, and before the first draw is
 * taken, the message is left to the twin.
 */

enum { SEND = 1, REQUEST, REPLY, PURPOSES };

static PyTypeObject *Endpoint_Type, *Path_Type, *Parcel_Type, *Handler_Type, *Stack_Type, *Interface_Type, *Network_Type,
    *Message_Type, *Batch_Type;
static PyTypeObject *known_loop, *known_world, *known_sink;
static PyObject *Origin_Type, *current_origin, *reference_send, *reference_launch;
static PyObject *purposes[PURPOSES], *kind_message, *told_delivered, *told_no_process;
static PyObject *name_look, *name_receive, *name_dispatch, *name_take, *name_failed;
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
    PyObject *payload = encoded(message);
    if (payload == NULL) {
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
    return is_kind_of(SLOT(stack, at.loop), &Turns_Type, &known_loop) ? stack : NULL;
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
        !is_kind_of(SLOT(path, at.world), &Agenda_Type, &known_world)) {
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
