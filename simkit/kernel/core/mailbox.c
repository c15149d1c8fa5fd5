/* A mailbox, and what its reader awaits.
 *
 * Twin of `simkit/kernel/mailbox.py`. A task that waits for a message stands in the mailbox itself, and is woken by being
 * put into its loop's ready queue; cancelled, it becomes what it would have been with a future. In a stock task, or
 * wherever nobody of ours makes the step, there is a future from the beginning.
 *
 * It deliberately keeps what `get` returns as small as a sleep: no frame, no callback.
 */

struct Mailbox {
    PyObject_HEAD
    Ring kept;
    Task *waiting;    /* a reference */
    PyObject *future; /* what somebody else waits for */
};

typedef struct {
    PyObject_HEAD
    Mailbox *mailbox;
    PyObject *steps; /* of the future, while that is awaited */
    char state;
} Receive;

enum { NEW, WAITING, AWAITING, OVER };

static PyTypeObject Mailbox_Type;
static Receive *kept_receives[SLEEPS_KEPT];
static int kept_receives_count;

/* -- what `get` returns */

static void
receive_dealloc(Receive *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->mailbox);
    Py_CLEAR(self->steps);
    if (kept_receives_count < SLEEPS_KEPT) {
        kept_receives[kept_receives_count++] = self;
    } else {
        PyObject_GC_Del(self);
    }
}

static int
receive_traverse(Receive *self, visitproc visit, void *arg)
{
    Py_VISIT(self->mailbox);
    Py_VISIT(self->steps);
    return 0;
}

static int
receive_clear(Receive *self)
{
    Py_CLEAR(self->steps);
    return 0;
}

static PySendResult
take_message(Receive *self, PyObject **result)
{
    self->state = OVER;
    if (self->mailbox->kept.count == 0) {
        PyErr_SetString(PyExc_IndexError, "pop from an empty deque");
        return PYGEN_ERROR;
    }
    *result = ring_pop(&self->mailbox->kept);
    return PYGEN_RETURN;
}

static PyObject *
future_of_running_loop(void)
{
    PyObject *events = PyImport_ImportModule("asyncio.events");
    PyObject *loop = events == NULL ? NULL : PyObject_CallMethod(events, "get_running_loop", NULL);
    PyObject *future = loop == NULL ? NULL : PyObject_CallMethod(loop, "create_future", NULL);
    Py_XDECREF(events);
    Py_XDECREF(loop);
    return future;
}

/* Return 1 if somebody waits already. */
static int
is_waited_for(Mailbox *self)
{
    if (self->waiting != NULL) {
        return 1;
    }
    if (self->future == NULL) {
        return 0;
    }
    PyObject *done = PyObject_CallMethod(self->future, "done", NULL);
    int waits = done == Py_False;
    Py_XDECREF(done);
    return done == NULL ? -1 : waits;
}

static PySendResult
begin_to_wait(Receive *self, PyObject **result)
{
    Mailbox *mailbox = self->mailbox;
    if (mailbox->kept.count) {
        return take_message(self, result);
    }
    int waits = is_waited_for(mailbox);
    if (waits) {
        if (waits > 0) {
            PyErr_SetString(PyExc_RuntimeError, "somebody waits for this mailbox already");
        }
        self->state = OVER;
        return PYGEN_ERROR;
    }
    Task *task = task_that_steps();
    if (task != NULL && Py_IS_TYPE(task, Task_Type)) {
        self->state = WAITING;
        *result = Py_NewRef(self);
        return PYGEN_NEXT;
    }
    Py_XSETREF(mailbox->future, future_of_running_loop());
    self->steps = mailbox->future == NULL ? NULL : PyObject_CallMethod(mailbox->future, "__await__", NULL);
    if (self->steps == NULL) {
        self->state = OVER;
        return PYGEN_ERROR;
    }
    self->state = AWAITING;
    return PyIter_Send(self->steps, Py_None, result);
}

static PySendResult
receive_send(Receive *self, PyObject *value, PyObject **result)
{
    switch (self->state) {
    case NEW:
        return begin_to_wait(self, result);
    case WAITING:
        return take_message(self, result);
    case AWAITING: {
        PySendResult sent = PyIter_Send(self->steps, value, result);
        if (sent == PYGEN_RETURN) {
            Py_CLEAR(*result);
            return take_message(self, result);
        }
        return sent;
    }
    default:
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
}

static PyObject *
receive_next(Receive *self)
{
    PyObject *result = NULL;
    PySendResult sent = receive_send(self, Py_None, &result);
    return as_returned(sent, result);
}

static PyObject *
receive_send_method(Receive *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult sent = receive_send(self, value, &result);
    return as_returned(sent, result);
}

static PyObject *
receive_throw(Receive *self, PyObject *args)
{
    if (self->state == AWAITING) {
        PyObject *method = PyObject_GetAttrString(self->steps, "throw");
        PyObject *result = method == NULL ? NULL : PyObject_CallObject(method, args);
        Py_XDECREF(method);
        self->state = result == NULL ? OVER : AWAITING;
        return result;
    }
    self->state = OVER;
    return raise_given(args);
}

static PyObject *
receive_close(Receive *self, PyObject *unused)
{
    self->state = OVER;
    Py_RETURN_NONE;
}

static PyObject *
receive_name(PyObject *self, void *unused)
{
    return PyUnicode_FromString("Mailbox.get");
}

static PyMethodDef receive_methods[] = {
    {"send", (PyCFunction)receive_send_method, METH_O, "As a coroutine has it."},
    {"throw", (PyCFunction)receive_throw, METH_VARARGS, "As a coroutine has it."},
    {"close", (PyCFunction)receive_close, METH_NOARGS, "As a coroutine has it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef receive_getset[] = {
    {"__name__", receive_name, NULL, NULL, NULL},
    {"__qualname__", receive_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyAsyncMethods receive_as_async = {
    .am_await = sleep_await,
    .am_send = (sendfunc)receive_send,
};

static PyTypeObject Receive_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Receive",
    .tp_basicsize = sizeof(Receive),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "What `Mailbox.get` returns.",
    .tp_dealloc = (destructor)receive_dealloc,
    .tp_traverse = (traverseproc)receive_traverse,
    .tp_clear = (inquiry)receive_clear,
    .tp_as_async = &receive_as_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)receive_next,
    .tp_methods = receive_methods,
    .tp_getset = receive_getset,
};

/* -- how a task waits, and stops waiting */

static Mailbox *
mailbox_waited_for(PyObject *yielded)
{
    return Py_IS_TYPE(yielded, &Receive_Type) && ((Receive *)yielded)->state == WAITING ? ((Receive *)yielded)->mailbox
                                                                                        : NULL;
}

static void
wait_in(Mailbox *self, Task *task)
{
    Py_XSETREF(self->waiting, (Task *)Py_NewRef(task));
    task->mailbox = (PyObject *)self;
}

static void
leave_mailbox(Task *task)
{
    Mailbox *mailbox = (Mailbox *)task->mailbox;
    task->mailbox = NULL;
    if (mailbox != NULL && mailbox->waiting == task) {
        mailbox->waiting = NULL;
        Py_DECREF(task);
    }
}

/* -- the mailbox */

static PyObject *
mailbox_put(Mailbox *self, PyObject *message)
{
    if (ring_push(&self->kept, message) < 0) {
        return NULL;
    }
    Task *task = self->waiting;
    if (task != NULL) {
        self->waiting = NULL;
        task->mailbox = NULL;
        int done = turns_enqueue((Turns *)task->loop, (PyObject *)task);
        Py_DECREF(task);
        return done < 0 ? NULL : Py_NewRef(Py_None);
    }
    if (self->future != NULL) {
        PyObject *future = self->future;
        self->future = NULL;
        PyObject *done = PyObject_CallOneArg(set_unless_done, future);
        Py_DECREF(future);
        return done;
    }
    Py_RETURN_NONE;
}

static PyObject *
mailbox_get(Mailbox *self, PyObject *unused)
{
    Receive *receive;
    if (kept_receives_count) {
        receive = kept_receives[--kept_receives_count];
        _Py_NewReference((PyObject *)receive);
    } else if ((receive = PyObject_GC_New(Receive, &Receive_Type)) == NULL) {
        return NULL;
    }
    receive->mailbox = (Mailbox *)Py_NewRef(self);
    receive->steps = NULL;
    receive->state = NEW;
    PyObject_GC_Track(receive);
    return (PyObject *)receive;
}

static Py_ssize_t
mailbox_length(Mailbox *self)
{
    return self->kept.count;
}

static int
mailbox_traverse(Mailbox *self, visitproc visit, void *arg)
{
    Py_VISIT(self->waiting);
    Py_VISIT(self->future);
    for (uint32_t i = 0; i < self->kept.count; i++) {
        Py_VISIT(ring_item(&self->kept, i));
    }
    return 0;
}

static int
mailbox_clear(Mailbox *self)
{
    if (self->waiting != NULL) {
        self->waiting->mailbox = NULL;
        Py_CLEAR(self->waiting);
    }
    Py_CLEAR(self->future);
    while (self->kept.count) {
        Py_DECREF(ring_pop(&self->kept));
    }
    return 0;
}

static void
mailbox_dealloc(Mailbox *self)
{
    PyObject_GC_UnTrack(self);
    mailbox_clear(self);
    PyMem_Free(self->kept.items);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef mailbox_methods[] = {
    {"put", (PyCFunction)mailbox_put, METH_O, "Keep a message, and wake the reader."},
    {"get", (PyCFunction)mailbox_get, METH_NOARGS, "Return the next message, when there is one; to be awaited."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods mailbox_as_sequence = {.sq_length = (lenfunc)mailbox_length};

static PyTypeObject Mailbox_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Mailbox",
    .tp_basicsize = sizeof(Mailbox),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Messages in the order in which they came.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)mailbox_dealloc,
    .tp_traverse = (traverseproc)mailbox_traverse,
    .tp_clear = (inquiry)mailbox_clear,
    .tp_as_sequence = &mailbox_as_sequence,
    .tp_methods = mailbox_methods,
};
