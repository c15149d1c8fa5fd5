/* `asyncio.Semaphore` without coroutines.
 *
 * Twin of `simkit/kernel/semaphore.py`. What `acquire` and `async with` await is an object like a sleep's, without a frame;
 * the semaphore stays asyncio's, with its count, its waiters and its subclasses. Where nobody of ours makes the step the
 * coroutine of the twin is driven.
 *
 * It deliberately keeps a future for each waiter: `locked` and the representation look at them.
 */

typedef struct {
    PyObject_HEAD
    PyObject *semaphore;
    PyObject *awaited; /* the future, or the twin's coroutine */
    char kind;
    char state;
} Acquire;

enum { ACQUIRES, ENTERS, LEAVES };
enum { BEGINS, STANDS_IN_LINE, DRIVES, ENDED };

static PyTypeObject Acquire_Type;
static PySendResult acquire_send(Acquire *, PyObject *value, PyObject **result);
static PyObject *semaphore_acquire(PyObject *, PyObject *);
static PyObject *twin_acquire;
static PyObject *name_value, *name_waiters, *name_acquire, *name_release, *name_append, *name_remove, *name_deque;
static Acquire *kept_acquires[SLEEPS_KEPT];
static int kept_acquires_count;

/* -- the semaphore's attributes */

static int
read_value(PyObject *semaphore, long *value)
{
    PyObject *number = PyObject_GetAttr(semaphore, name_value);
    *value = number == NULL ? -1 : PyLong_AsLong(number);
    Py_XDECREF(number);
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

static int
add_to_value(PyObject *semaphore, long change)
{
    long value;
    if (read_value(semaphore, &value) < 0) {
        return -1;
    }
    PyObject *number = PyLong_FromLong(value + change);
    int done = number == NULL ? -1 : PyObject_SetAttr(semaphore, name_value, number);
    Py_XDECREF(number);
    return done;
}

/* Return a new reference to the futures in line, or NULL for none; an exception set means that asking failed. */
static PyObject *
line_of(PyObject *semaphore)
{
    PyObject *waiters = PyObject_GetAttr(semaphore, name_waiters);
    int waits = waiters == NULL ? 0 : PyObject_IsTrue(waiters);
    if (waits <= 0) {
        Py_CLEAR(waiters);
    }
    return waiters;
}

/* Return the first future in line that is not done (`wanted` PENDING), or not cancelled (`wanted` FINISHED). */
static PyObject *
first_in_line(PyObject *semaphore, int wanted)
{
    PyObject *waiters = line_of(semaphore), *future = NULL;
    PyObject *all = waiters == NULL ? NULL : PyObject_GetIter(waiters);
    while (all != NULL && (future = PyIter_Next(all)) != NULL) {
        int state = is_known_future(future) ? ((StockFuture *)future)->state : FINISHED;
        if (state == PENDING || (state == FINISHED && wanted == FINISHED)) {
            break;
        }
        Py_DECREF(future);
    }
    Py_XDECREF(all);
    Py_XDECREF(waiters);
    return future;
}

/* Give the semaphore to the first who waits; 1 if there was one. */
static int
wake_next(PyObject *semaphore)
{
    PyObject *future = first_in_line(semaphore, PENDING);
    if (future == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int done = add_to_value(semaphore, -1) < 0 || future_finish((StockFuture *)future, Py_True) < 0 ? -1 : 1;
    Py_DECREF(future);
    return done;
}

/* Wake as many as may have it: who came while others had been woken had to wait for them. */
static int
wake_all_that_may(PyObject *semaphore)
{
    for (;;) {
        long value;
        if (read_value(semaphore, &value) < 0) {
            return -1;
        }
        int woken = value > 0 ? wake_next(semaphore) : 0;
        if (woken <= 0) {
            return woken;
        }
    }
}

static PyObject *
semaphore_release(PyObject *self, PyObject *unused)
{
    PyObject *future = first_in_line(self, PENDING);
    int done = future != NULL ? future_finish((StockFuture *)future, Py_True) /* who has it now: nothing to count */
               : PyErr_Occurred() ? -1
                                  : add_to_value(self, 1);
    Py_XDECREF(future);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

/* -- standing in line */

/* Take the semaphore if it is free and nobody waits; 1 if that went well. */
static int
take_if_free(PyObject *semaphore)
{
    long value;
    if (read_value(semaphore, &value) < 0) {
        return -1;
    }
    if (value <= 0) {
        return 0;
    }
    PyObject *somebody = first_in_line(semaphore, FINISHED);
    if (somebody == NULL) {
        return PyErr_Occurred() || add_to_value(semaphore, -1) < 0 ? -1 : 1;
    }
    Py_DECREF(somebody);
    return 0;
}

/* A semaphore belongs to the first loop on which somebody waits for it. */
static int
bind_to_loop(PyObject *semaphore, PyObject *loop)
{
    PyObject *its = PyObject_GetAttr(semaphore, name_loop);
    if (its == NULL) {
        return -1;
    }
    int done = its == loop ? 0 : its == Py_None ? PyObject_SetAttr(semaphore, name_loop, loop) : -1;
    if (done < 0 && !PyErr_Occurred()) {
        PyErr_Format(PyExc_RuntimeError, "%R is bound to a different event loop", semaphore);
    }
    Py_DECREF(its);
    return done;
}

/* Return a new future at the end of the line that is an attribute of the semaphore, or of whatever has one. */
static PyObject *
join_line(PyObject *semaphore, PyObject *line_name, PyObject *loop)
{
    PyObject *waiters = PyObject_GetAttr(semaphore, line_name);
    if (waiters == Py_None) {
        PyObject *collections = PyImport_ImportModule("collections");
        Py_SETREF(waiters, collections == NULL ? NULL : PyObject_CallMethodNoArgs(collections, name_deque));
        Py_XDECREF(collections);
        if (waiters != NULL && PyObject_SetAttr(semaphore, line_name, waiters) < 0) {
            Py_CLEAR(waiters);
        }
    }
    PyObject *future = waiters == NULL || bind_to_loop(semaphore, loop) < 0 ? NULL : future_new((Turns *)loop);
    PyObject *done = future == NULL ? NULL : PyObject_CallMethodOneArg(waiters, name_append, future);
    if (done == NULL) {
        Py_CLEAR(future);
    }
    Py_XDECREF(done);
    Py_XDECREF(waiters);
    return future;
}

/* Leave the line; `error` is what ends the wait, NULL for the semaphore itself. */
static int
leave_line(Acquire *self, PyObject *error)
{
    PyObject *semaphore = self->semaphore, *future = self->awaited;
    self->awaited = NULL;
    self->state = ENDED;
    PyObject *waiters = PyObject_GetAttr(semaphore, name_waiters);
    PyObject *done = waiters == NULL ? NULL : PyObject_CallMethodOneArg(waiters, name_remove, future);
    int failed = done == NULL;
    if (!failed && error != NULL && ((StockFuture *)future)->state == FINISHED &&
        PyErr_GivenExceptionMatches(error, CancelledError)) {
        failed = add_to_value(semaphore, 1) < 0;
    }
    Py_XDECREF(waiters);
    Py_XDECREF(done);
    Py_DECREF(future);
    return failed ? -1 : wake_all_that_may(semaphore);
}

/* -- what is awaited */

static PyObject *
acquire_of_kind(PyObject *semaphore, char kind)
{
    Acquire *self;
    if (kept_acquires_count) {
        self = kept_acquires[--kept_acquires_count];
        _Py_NewReference((PyObject *)self);
    } else if ((self = PyObject_GC_New(Acquire, &Acquire_Type)) == NULL) {
        return NULL;
    }
    self->semaphore = Py_NewRef(semaphore);
    self->awaited = NULL;
    self->kind = kind;
    self->state = BEGINS;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static int
acquire_clear(Acquire *self)
{
    self->state = ENDED;
    Py_CLEAR(self->semaphore);
    Py_CLEAR(self->awaited);
    return 0;
}

static int
acquire_traverse(Acquire *self, visitproc visit, void *arg)
{
    Py_VISIT(self->semaphore);
    Py_VISIT(self->awaited);
    return 0;
}

static void
acquire_dealloc(Acquire *self)
{
    PyObject_GC_UnTrack(self);
    acquire_clear(self);
    if (kept_acquires_count < SLEEPS_KEPT) {
        kept_acquires[kept_acquires_count++] = self;
    } else {
        PyObject_GC_Del(self);
    }
}

static PySendResult
has_it(Acquire *self, PyObject **result)
{
    self->state = ENDED;
    *result = Py_NewRef(self->kind == ACQUIRES ? Py_True : Py_None);
    return PYGEN_RETURN;
}

/* Return whether the method is ours in the class of this very object. */
static int
is_ours(PyObject *semaphore, PyObject *name)
{
    PyObject *found = _PyType_Lookup(Py_TYPE(semaphore), name);
    return found != NULL && Py_IS_TYPE(found, &PyMethodDescr_Type) &&
           ((PyMethodDescrObject *)found)->d_method->ml_meth ==
               (name == name_release ? (PyCFunction)semaphore_release : (PyCFunction)semaphore_acquire);
}

static PySendResult
drive(Acquire *self, PyObject *coroutine, PyObject **result)
{
    self->state = coroutine == NULL ? ENDED : DRIVES;
    Py_XSETREF(self->awaited, coroutine);
    return coroutine == NULL ? PYGEN_ERROR : acquire_send(self, Py_None, result);
}

static PySendResult
begin(Acquire *self, PyObject **result)
{
    PyObject *semaphore = self->semaphore;
    if (self->kind == LEAVES) {
        PyObject *done = is_ours(semaphore, name_release) ? semaphore_release(semaphore, NULL)
                                                          : PyObject_CallMethodNoArgs(semaphore, name_release);
        Py_XDECREF(done);
        self->state = ENDED;
        return done == NULL ? PYGEN_ERROR : has_it(self, result);
    }
    if (self->kind == ENTERS && !is_ours(semaphore, name_acquire)) {
        return drive(self, PyObject_CallMethodNoArgs(semaphore, name_acquire), result);
    }
    int taken = take_if_free(semaphore);
    if (taken) {
        self->state = ENDED;
        return taken < 0 ? PYGEN_ERROR : has_it(self, result);
    }
    Task *task = task_that_steps();
    if (task == NULL || !Py_IS_TYPE(task, Task_Type)) {
        return drive(self, PyObject_CallOneArg(twin_acquire, semaphore), result);
    }
    self->awaited = join_line(semaphore, name_waiters, task->loop);
    if (self->awaited == NULL) {
        self->state = ENDED;
        return PYGEN_ERROR;
    }
    self->state = STANDS_IN_LINE;
    ((StockFuture *)self->awaited)->blocking = 1;
    *result = Py_NewRef(self->awaited);
    return PYGEN_NEXT;
}

static PySendResult
acquire_send(Acquire *self, PyObject *value, PyObject **result)
{
    switch (self->state) {
    case BEGINS:
        return begin(self, result);
    case STANDS_IN_LINE:
        if (((StockFuture *)self->awaited)->state == PENDING) {
            PyErr_SetString(PyExc_RuntimeError, "await wasn't used with future");
            return PYGEN_ERROR;
        }
        return leave_line(self, NULL) < 0 ? PYGEN_ERROR : has_it(self, result);
    case DRIVES: {
        PySendResult sent = PyIter_Send(self->awaited, value, result);
        if (sent == PYGEN_RETURN) {
            Py_CLEAR(*result);
            return has_it(self, result);
        }
        return sent;
    }
    default:
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
}

static PyObject *
acquire_next(Acquire *self)
{
    PyObject *result = NULL;
    PySendResult sent = acquire_send(self, Py_None, &result);
    return as_returned(sent, result);
}

static PyObject *
acquire_send_method(Acquire *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult sent = acquire_send(self, value, &result);
    return as_returned(sent, result);
}

static PyObject *
acquire_throw(Acquire *self, PyObject *args)
{
    if (self->state == DRIVES) {
        PyObject *method = PyObject_GetAttr(self->awaited, name_throw);
        PyObject *result = method == NULL ? NULL : PyObject_CallObject(method, args);
        Py_XDECREF(method);
        return result;
    }
    char state = self->state;
    self->state = ENDED;
    raise_given(args);
    if (state == STANDS_IN_LINE) {
        PyObject *kind, *error, *traceback;
        PyErr_Fetch(&kind, &error, &traceback);
        if (leave_line(self, kind) < 0) {
            PyErr_Clear();
        }
        PyErr_Restore(kind, error, traceback);
    }
    return NULL;
}

static PyObject *
acquire_close(Acquire *self, PyObject *unused)
{
    if (self->state == DRIVES) {
        return PyObject_CallMethod(self->awaited, "close", NULL);
    }
    int done = self->state == STANDS_IN_LINE ? leave_line(self, PyExc_GeneratorExit) : 0;
    self->state = ENDED;
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
acquire_name(Acquire *self, void *unused)
{
    static const char *const names[] = {"acquire", "__aenter__", "__aexit__"};
    return PyUnicode_FromFormat("Semaphore.%s", names[(int)self->kind]);
}

static PyMethodDef acquire_methods[] = {
    {"send", (PyCFunction)acquire_send_method, METH_O, "As a coroutine has it."},
    {"throw", (PyCFunction)acquire_throw, METH_VARARGS, "As a coroutine has it."},
    {"close", (PyCFunction)acquire_close, METH_NOARGS, "As a coroutine has it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef acquire_getset[] = {
    {"__name__", (getter)acquire_name, NULL, NULL, NULL},
    {"__qualname__", (getter)acquire_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyAsyncMethods acquire_as_async = {
    .am_await = sleep_await,
    .am_send = (sendfunc)acquire_send,
};

static PyTypeObject Acquire_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Acquire",
    .tp_basicsize = sizeof(Acquire),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "What `acquire` of a semaphore, and `async with`, await.",
    .tp_dealloc = (destructor)acquire_dealloc,
    .tp_traverse = (traverseproc)acquire_traverse,
    .tp_clear = (inquiry)acquire_clear,
    .tp_as_async = &acquire_as_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)acquire_next,
    .tp_methods = acquire_methods,
    .tp_getset = acquire_getset,
};

/* -- the methods of the class */

static PyObject *
semaphore_acquire(PyObject *self, PyObject *unused)
{
    return acquire_of_kind(self, ACQUIRES);
}

static PyObject *
semaphore_enter(PyObject *self, PyObject *unused)
{
    return acquire_of_kind(self, ENTERS);
}

static PyObject *
semaphore_leave(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return acquire_of_kind(self, LEAVES);
}

static PyMethodDef semaphore_methods[] = {
    {"acquire", (PyCFunction)semaphore_acquire, METH_NOARGS, "Wait until it is free, and take it; return True."},
    {"release", (PyCFunction)semaphore_release, METH_NOARGS, "Give it back, and wake the first who waits."},
    {"__aenter__", (PyCFunction)semaphore_enter, METH_NOARGS, "Wait until it is free, and take it."},
    {"__aexit__", QUICK(semaphore_leave), METH_FASTCALL, "Give it back."},
};

/* Give a class of semaphores these methods. */
static PyObject *
quicken_semaphore(PyObject *module, PyObject *args)
{
    PyObject *kind, *acquire;
    if (!PyArg_ParseTuple(args, "O!O", &PyType_Type, &kind, &acquire)) {
        return NULL;
    }
    Py_XSETREF(twin_acquire, Py_NewRef(acquire));
    for (size_t i = 0; i < sizeof(semaphore_methods) / sizeof(semaphore_methods[0]); i++) {
        PyObject *method = PyDescr_NewMethod((PyTypeObject *)kind, &semaphore_methods[i]);
        if (method == NULL || PyObject_SetAttrString(kind, semaphore_methods[i].ml_name, method) < 0) {
            Py_XDECREF(method);
            return NULL;
        }
        Py_DECREF(method);
    }
    Py_RETURN_NONE;
}
