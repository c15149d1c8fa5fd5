/* `asyncio.sleep` without a future and a timer.
 *
 * Twin of `simkit/kernel/sleep.py`: what a call returns is awaited, or made a task of, like the coroutine that it stands
 * for. It yields itself to the task that makes the step, which then stands in the world's queue until `wake_ns`. Wherever
 * the twin falls back on the stock function, this drives the stock function's coroutine.
 *
 * It deliberately is no generator: the interpreter drives it through `tp_iternext`, without a frame.
 */

#define SLEEPS_KEPT 256
#define LONG_S 1e9

enum { CALLED, ASLEEP, DELEGATING, DONE };

typedef struct {
    PyObject_HEAD
    PyObject *result;
    PyObject *stock; /* the stock function's coroutine while that is driven; before it, a delay that is no float */
    union {
        double delay_s;
        int64_t wake_ns;
    };
    char state;
} Sleep;

static PyObject *stock_sleep;
static Sleep *kept_sleeps[SLEEPS_KEPT];
static int kept_sleeps_count;

static PyObject *
sleep_new(PyObject *delay, PyObject *result)
{
    Sleep *self;
    if (kept_sleeps_count) {
        self = kept_sleeps[--kept_sleeps_count];
        _Py_NewReference((PyObject *)self);
    } else if ((self = PyObject_GC_New(Sleep, &Sleep_Type)) == NULL) {
        return NULL;
    }
    self->result = Py_NewRef(result);
    if (PyFloat_CheckExact(delay)) {
        self->delay_s = PyFloat_AS_DOUBLE(delay); /* whose object would have left the cache by the end of the sleep */
        self->stock = NULL;
    } else {
        self->stock = Py_NewRef(delay);
    }
    self->state = CALLED;
    if (result != Py_None || !(self->stock == NULL || PyLong_CheckExact(delay))) {
        PyObject_GC_Track(self); /* a number and None cannot be part of a cycle */
    }
    return (PyObject *)self;
}

static int
sleep_clear(Sleep *self)
{
    Py_CLEAR(self->result);
    Py_CLEAR(self->stock);
    return 0;
}

static int
sleep_traverse(Sleep *self, visitproc visit, void *arg)
{
    Py_VISIT(self->result);
    Py_VISIT(self->stock);
    return 0;
}

static void
sleep_dealloc(Sleep *self)
{
    if (PyObject_GC_IsTracked((PyObject *)self)) {
        PyObject_GC_UnTrack(self);
    }
    sleep_clear(self);
    if (kept_sleeps_count < SLEEPS_KEPT) {
        kept_sleeps[kept_sleeps_count++] = self;
    } else {
        PyObject_GC_Del(self);
    }
}

/* Return when the task that makes this step shall go on, or -1 if the stock function has to be asked. */
static int64_t
wake_of(Sleep *self)
{
    Task *task = task_that_steps();
    double delay_s;
    if (task == NULL || !Py_IS_TYPE(task, Task_Type)) {
        return -1;
    }
    if (self->stock == NULL) {
        delay_s = self->delay_s;
    } else {
        if (!PyLong_CheckExact(self->stock)) {
            return -1;
        }
        delay_s = PyLong_AsDouble(self->stock);
        if (delay_s == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            return -1;
        }
    }
    Turns *loop = (Turns *)task->loop;
    if (!(0.0 < delay_s && delay_s < LONG_S) || clock_is_perfect(loop) != 1) {
        return -1;
    }
    int64_t now_ns = loop->world->now_ns;
    int64_t wake_ns = deadline_of((double)now_ns / NANOSECONDS + delay_s);
    return wake_ns > now_ns ? wake_ns : -1;
}

/* Return a coroutine of the stock function with our arguments. */
static PyObject *
stock_sleep_of(Sleep *self)
{
    PyObject *delay = self->stock == NULL ? PyFloat_FromDouble(self->delay_s) : Py_NewRef(self->stock);
    PyObject *stock = delay == NULL ? NULL : PyObject_CallFunctionObjArgs(stock_sleep, delay, self->result, NULL);
    Py_XDECREF(delay);
    return stock;
}

static PySendResult
sleep_send(Sleep *self, PyObject *value, PyObject **result)
{
    int64_t wake_ns;
    switch (self->state) {
    case CALLED:
        if (value != Py_None) {
            PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
            return PYGEN_ERROR;
        }
        wake_ns = wake_of(self);
        if (wake_ns >= 0) {
            self->wake_ns = wake_ns;
            Py_CLEAR(self->stock);
            self->state = ASLEEP;
            *result = Py_NewRef(self);
            return PYGEN_NEXT;
        }
        if (PyErr_Occurred()) {
            self->state = DONE;
            return PYGEN_ERROR;
        }
        Py_XSETREF(self->stock, stock_sleep_of(self));
        if (self->stock == NULL) {
            self->state = DONE;
            return PYGEN_ERROR;
        }
        self->state = DELEGATING;
        if (!PyObject_GC_IsTracked((PyObject *)self)) {
            PyObject_GC_Track(self);
        }
        /* fall through */
    case DELEGATING: {
        PySendResult sent = PyIter_Send(self->stock, value, result);
        if (sent != PYGEN_NEXT) {
            self->state = DONE;
            Py_CLEAR(self->stock);
        }
        return sent;
    }
    case ASLEEP:
        self->state = DONE;
        *result = Py_NewRef(self->result);
        return PYGEN_RETURN;
    default:
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
}

/* What a `send` gave, as a method returns it: a result is a StopIteration. */
static PyObject *
as_returned(PySendResult sent, PyObject *result)
{
    if (sent != PYGEN_RETURN) {
        return sent == PYGEN_NEXT ? result : NULL;
    }
    if (!PyTuple_Check(result) && !PyExceptionInstance_Check(result)) {
        PyErr_SetObject(PyExc_StopIteration, result); /* which nobody need make: the interpreter takes it apart again */
        Py_DECREF(result);
        return NULL;
    }
    /* A tuple would become the arguments, an exception the exception itself. */
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    Py_DECREF(result);
    return NULL;
}

static PyObject *
sleep_next(Sleep *self)
{
    PyObject *result = NULL;
    PySendResult sent = sleep_send(self, Py_None, &result);
    if (sent == PYGEN_RETURN && result == Py_None) {
        Py_DECREF(result);
        return NULL; /* no exception is the quickest way to say None */
    }
    return as_returned(sent, result);
}

static PyObject *
sleep_send_method(Sleep *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult sent = sleep_send(self, value, &result);
    return as_returned(sent, result);
}

/* Raise what `throw` was given. */
static PyObject *
raise_given(PyObject *args)
{
    PyObject *kind, *value = NULL, *traceback = NULL;
    if (!PyArg_UnpackTuple(args, "throw", 1, 3, &kind, &value, &traceback)) {
        return NULL;
    }
    if (PyExceptionInstance_Check(kind)) {
        PyErr_SetObject(PyExceptionInstance_Class(kind), kind);
    } else if (PyExceptionClass_Check(kind)) {
        PyErr_SetObject(kind, value == NULL ? Py_None : value);
    } else {
        PyErr_SetString(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException");
    }
    return NULL;
}

static PyObject *
sleep_throw(Sleep *self, PyObject *args)
{
    if (self->state == DELEGATING) {
        PyObject *method = PyObject_GetAttrString(self->stock, "throw");
        PyObject *result = method == NULL ? NULL : PyObject_CallObject(method, args);
        Py_XDECREF(method);
        if (result == NULL) {
            self->state = DONE;
            Py_CLEAR(self->stock);
        }
        return result;
    }
    self->state = DONE;
    return raise_given(args);
}

static PyObject *
sleep_close(Sleep *self, PyObject *unused)
{
    char state = self->state;
    self->state = DONE;
    return state == DELEGATING ? PyObject_CallMethod(self->stock, "close", NULL) : Py_NewRef(Py_None);
}

static PyObject *
sleep_await(PyObject *self)
{
    return Py_NewRef(self);
}

static PyObject *
sleep_name(PyObject *self, void *unused)
{
    return PyUnicode_FromString("sleep");
}

static int64_t
asleep_until(PyObject *yielded)
{
    return Py_IS_TYPE(yielded, &Sleep_Type) && ((Sleep *)yielded)->state == ASLEEP ? ((Sleep *)yielded)->wake_ns : -1;
}

static PyMethodDef sleep_methods[] = {
    {"send", (PyCFunction)sleep_send_method, METH_O, "As a coroutine has it."},
    {"throw", (PyCFunction)sleep_throw, METH_VARARGS, "As a coroutine has it."},
    {"close", (PyCFunction)sleep_close, METH_NOARGS, "As a coroutine has it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef sleep_getset[] = {
    {"__name__", sleep_name, NULL, NULL, NULL},
    {"__qualname__", sleep_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyAsyncMethods sleep_as_async = {
    .am_await = sleep_await,
    .am_send = (sendfunc)sleep_send,
};

static PyTypeObject Sleep_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Sleep",
    .tp_basicsize = sizeof(Sleep),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "What `asyncio.sleep` returns.",
    .tp_dealloc = (destructor)sleep_dealloc,
    .tp_traverse = (traverseproc)sleep_traverse,
    .tp_clear = (inquiry)sleep_clear,
    .tp_as_async = &sleep_as_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)sleep_next,
    .tp_methods = sleep_methods,
    .tp_getset = sleep_getset,
};

/* -- the function; an object that takes attributes, because asyncio and inspect mark coroutine functions with them */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *attributes;
} SleepFunction;

static PyObject *
sleep_called(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    Py_ssize_t count = PyVectorcall_NARGS(flags), named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    PyObject *delay = count > 0 ? args[0] : NULL, *result = count > 1 ? args[1] : Py_None;
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (count < 1 && PyUnicode_CompareWithASCIIString(name, "delay") == 0) {
            delay = args[count + i];
        } else if (count < 2 && PyUnicode_CompareWithASCIIString(name, "result") == 0) {
            result = args[count + i];
        } else {
            return PyErr_Format(PyExc_TypeError, "sleep() got an unexpected keyword argument %R", name);
        }
    }
    if (delay == NULL || count > 2) {
        PyErr_SetString(PyExc_TypeError, "sleep() takes a delay, and a result");
        return NULL;
    }
    return sleep_new(delay, result);
}

static PyMemberDef sleep_function_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(SleepFunction, call), READONLY, NULL},
    {"__dict__", T_OBJECT, offsetof(SleepFunction, attributes), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject SleepFunction_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.SleepFunction",
    .tp_basicsize = sizeof(SleepFunction),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "sleep(delay, result=None): wait for `delay` seconds of the host's time, then return `result`.",
    .tp_vectorcall_offset = offsetof(SleepFunction, call),
    .tp_call = PyVectorcall_Call,
    .tp_dictoffset = offsetof(SleepFunction, attributes),
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_members = sleep_function_members,
};

static PyObject *
sleep_function(void)
{
    SleepFunction *function = PyObject_New(SleepFunction, &SleepFunction_Type);
    if (function != NULL) {
        function->call = sleep_called;
        function->attributes = PyDict_New();
        if (function->attributes == NULL) {
            Py_CLEAR(function);
        }
    }
    return (PyObject *)function;
}
