/* `get` and `put` of `asyncio.Queue` without coroutines.
 *
 * Its twin is asyncio's own class, which stays what it is: its lists, its futures, its count of unfinished tasks. What the
 * two methods await is an object like a sleep's. A subclass, a queue that is shut down, and whoever is no task of ours get
 * the coroutine of the stock method.
 *
 * It deliberately leaves `join`, `task_done` and everything that does not wait to asyncio.
 */

typedef struct {
    PyObject_HEAD
    PyObject *queue;
    PyObject *item;    /* to be put; NULL for a `get` */
    PyObject *awaited; /* the future, or the stock method's coroutine */
    char state;
} Exchange;

static PyTypeObject Exchange_Type;
static PyObject *stock_queue, *stock_get, *stock_put;
static PyObject *name_queue, *name_getters, *name_putters, *name_maxsize, *name_unfinished, *name_finished, *name_popleft,
    *name_clear, *name_is_shutdown;
static Exchange *kept_exchanges[SLEEPS_KEPT];
static int kept_exchanges_count;

/* Tell the first in line who still waits: `_wakeup_next` of the stock class. */
static int
wake_first(PyObject *queue, PyObject *line_name)
{
    PyObject *line = PyObject_GetAttr(queue, line_name);
    int waits = line == NULL ? -1 : PyObject_IsTrue(line), done = waits < 0 ? -1 : 0;
    while (waits > 0 && done == 0) {
        PyObject *future = PyObject_CallMethodNoArgs(line, name_popleft);
        if (future == NULL) {
            done = -1;
        } else if (!is_known_future(future)) {
            PyObject *told = PyObject_CallOneArg(set_unless_done, future);
            done = told == NULL ? -1 : 1;
            Py_XDECREF(told);
        } else if (((StockFuture *)future)->state == PENDING) {
            done = future_finish((StockFuture *)future, Py_None) < 0 ? -1 : 1;
        }
        Py_XDECREF(future);
        waits = done == 0 ? PyObject_IsTrue(line) : 0;
    }
    Py_XDECREF(line);
    return done < 0 || waits < 0 ? -1 : 0;
}

/* Whether a queue with `count` items takes one more; its size may be any number. */
static int
is_not_full(PyObject *queue, Py_ssize_t count)
{
    PyObject *value = PyObject_GetAttr(queue, name_maxsize);
    double most = value == NULL ? -1.0 : PyFloat_AsDouble(value);
    Py_XDECREF(value);
    return most == -1.0 && PyErr_Occurred() ? -1 : !(most > 0.0) || (double)count < most;
}

/* Count one more that somebody has to call `task_done` for. */
static int
count_unfinished(PyObject *queue)
{
    PyObject *value = PyObject_GetAttr(queue, name_unfinished);
    long unfinished = value == NULL ? -1 : PyLong_AsLong(value);
    Py_XDECREF(value);
    if (unfinished == -1 && PyErr_Occurred()) {
        return -1;
    }
    PyObject *number = PyLong_FromLong(unfinished + 1);
    int done = number == NULL ? -1 : PyObject_SetAttr(queue, name_unfinished, number);
    Py_XDECREF(number);
    if (done == 0 && unfinished == 0) { /* otherwise the event is not set */
        PyObject *event = PyObject_GetAttr(queue, name_finished);
        PyObject *cleared = event == NULL ? NULL : PyObject_CallMethodNoArgs(event, name_clear);
        done = cleared == NULL ? -1 : 0;
        Py_XDECREF(event);
        Py_XDECREF(cleared);
    }
    return done;
}

/* Put the item, or take one, if that can be done now; 1 if it was, with what to return. */
static int
exchange_now(Exchange *self, PyObject **result)
{
    PyObject *items = PyObject_GetAttr(self->queue, name_queue), *done = NULL;
    Py_ssize_t count = items == NULL ? -1 : PyObject_Size(items);
    int went = count < 0 ? -1 : 0;
    if (went == 0 && self->item == NULL) {
        went = count > 0;
        if (went) {
            done = PyObject_CallMethodNoArgs(items, name_popleft);
            went = done == NULL || wake_first(self->queue, name_putters) < 0 ? -1 : 1;
        }
    } else if (went == 0) {
        went = is_not_full(self->queue, count);
        if (went == 1) {
            done = PyObject_CallMethodOneArg(items, name_append, self->item);
            went = done == NULL || count_unfinished(self->queue) < 0 || wake_first(self->queue, name_getters) < 0 ? -1 : 1;
        }
    }
    Py_XDECREF(items);
    if (went != 1) {
        Py_XDECREF(done);
    } else {
        *result = done; /* of `append` that is None, as of `put` */
    }
    return went;
}

/* 1 if the queue has been shut down, which no Python before 3.13 knows. */
static int
is_shut_down(PyObject *queue)
{
#if PY_VERSION_HEX >= 0x030d0000
    PyObject *down = PyObject_GetAttr(queue, name_is_shutdown);
    int answer = down == NULL ? -1 : PyObject_IsTrue(down);
    Py_XDECREF(down);
    return answer;
#else
    return 0;
#endif
}

static PySendResult exchange_send(Exchange *, PyObject *value, PyObject **result);

static PySendResult
drive_stock(Exchange *self, PyObject **result)
{
    PyObject *args[] = {self->queue, self->item};
    PyObject *coroutine = self->item == NULL ? PyObject_Vectorcall(stock_get, args, 1, NULL)
                                             : PyObject_Vectorcall(stock_put, args, 2, NULL);
    Py_XSETREF(self->awaited, coroutine);
    self->state = coroutine == NULL ? ENDED : DRIVES;
    return coroutine == NULL ? PYGEN_ERROR : exchange_send(self, Py_None, result);
}

/* Do it now, or stand in line. */
static PySendResult
go_on(Exchange *self, PyObject **result)
{
    PyObject *queue = self->queue;
    Task *task = task_that_steps();
    int down = is_shut_down(queue);
    if (down != 0 || (PyObject *)Py_TYPE(queue) != stock_queue || task == NULL || !Py_IS_TYPE(task, Task_Type)) {
        return down < 0 ? PYGEN_ERROR : drive_stock(self, result);
    }
    int went = exchange_now(self, result);
    if (went != 0) {
        self->state = ENDED;
        return went < 0 ? PYGEN_ERROR : PYGEN_RETURN;
    }
    self->awaited = join_line(queue, self->item == NULL ? name_getters : name_putters, task->loop);
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
exchange_send(Exchange *self, PyObject *value, PyObject **result)
{
    switch (self->state) {
    case BEGINS:
        return go_on(self, result);
    case STANDS_IN_LINE:
        if (((StockFuture *)self->awaited)->state == PENDING) {
            PyErr_SetString(PyExc_RuntimeError, "await wasn't used with future");
            return PYGEN_ERROR;
        }
        Py_CLEAR(self->awaited);
        return go_on(self, result);
    case DRIVES: {
        PySendResult sent = PyIter_Send(self->awaited, value, result);
        self->state = sent == PYGEN_NEXT ? DRIVES : ENDED;
        return sent;
    }
    default:
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
}

/* Leave the line because of an exception, and let the next one have what was ours, if it was. */
static int
give_up(Exchange *self)
{
    PyObject *line_name = self->item == NULL ? name_getters : name_putters, *future = self->awaited;
    self->awaited = NULL;
    self->state = ENDED;
    int failed = cancel_future(future, NULL) < 0;
    PyObject *line = failed ? NULL : PyObject_GetAttr(self->queue, line_name);
    PyObject *removed = line == NULL ? NULL : PyObject_CallMethodOneArg(line, name_remove, future);
    if (removed == NULL && line != NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Clear(); /* whoever woke us took us out of the line */
    }
    int was_ours = ((StockFuture *)future)->state == FINISHED;
    if (!failed && was_ours && !PyErr_Occurred()) {
        PyObject *items = PyObject_GetAttr(self->queue, name_queue);
        Py_ssize_t count = items == NULL ? -1 : PyObject_Size(items);
        int may = count < 0 ? -1 : self->item == NULL ? count > 0 : is_not_full(self->queue, count);
        failed = may < 0 || (may && wake_first(self->queue, line_name) < 0);
        Py_XDECREF(items);
    }
    Py_XDECREF(removed);
    Py_XDECREF(line);
    Py_DECREF(future);
    return failed || PyErr_Occurred() ? -1 : 0;
}

static PyObject *
exchange_next(Exchange *self)
{
    PyObject *result = NULL;
    PySendResult sent = exchange_send(self, Py_None, &result);
    return as_returned(sent, result);
}

static PyObject *
exchange_send_method(Exchange *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult sent = exchange_send(self, value, &result);
    return as_returned(sent, result);
}

static PyObject *
exchange_throw(Exchange *self, PyObject *args)
{
    if (self->state == DRIVES) {
        PyObject *method = PyObject_GetAttr(self->awaited, name_throw);
        PyObject *result = method == NULL ? NULL : PyObject_CallObject(method, args);
        Py_XDECREF(method);
        return result;
    }
    if (self->state == STANDS_IN_LINE && give_up(self) < 0) {
        return NULL;
    }
    self->state = ENDED;
    return raise_given(args);
}

static PyObject *
exchange_close(Exchange *self, PyObject *unused)
{
    if (self->state == DRIVES) {
        return PyObject_CallMethod(self->awaited, "close", NULL);
    }
    int done = self->state == STANDS_IN_LINE ? give_up(self) : 0;
    self->state = ENDED;
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
exchange_name(Exchange *self, void *unused)
{
    return PyUnicode_FromString(self->item == NULL ? "Queue.get" : "Queue.put");
}

/* -- the object */

static PyObject *
exchange_new(PyObject *queue, PyObject *item)
{
    Exchange *self;
    if (kept_exchanges_count) {
        self = kept_exchanges[--kept_exchanges_count];
        _Py_NewReference((PyObject *)self);
    } else if ((self = PyObject_GC_New(Exchange, &Exchange_Type)) == NULL) {
        return NULL;
    }
    self->queue = Py_NewRef(queue);
    self->item = Py_XNewRef(item);
    self->awaited = NULL;
    self->state = BEGINS;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static int
exchange_clear(Exchange *self)
{
    self->state = ENDED;
    Py_CLEAR(self->queue);
    Py_CLEAR(self->item);
    Py_CLEAR(self->awaited);
    return 0;
}

static int
exchange_traverse(Exchange *self, visitproc visit, void *arg)
{
    Py_VISIT(self->queue);
    Py_VISIT(self->item);
    Py_VISIT(self->awaited);
    return 0;
}

static void
exchange_dealloc(Exchange *self)
{
    PyObject_GC_UnTrack(self);
    exchange_clear(self);
    if (kept_exchanges_count < SLEEPS_KEPT) {
        kept_exchanges[kept_exchanges_count++] = self;
    } else {
        PyObject_GC_Del(self);
    }
}

static PyMethodDef exchange_methods[] = {
    {"send", (PyCFunction)exchange_send_method, METH_O, "As a coroutine has it."},
    {"throw", (PyCFunction)exchange_throw, METH_VARARGS, "As a coroutine has it."},
    {"close", (PyCFunction)exchange_close, METH_NOARGS, "As a coroutine has it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef exchange_getset[] = {
    {"__name__", (getter)exchange_name, NULL, NULL, NULL},
    {"__qualname__", (getter)exchange_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyAsyncMethods exchange_as_async = {
    .am_await = sleep_await,
    .am_send = (sendfunc)exchange_send,
};

static PyTypeObject Exchange_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Exchange",
    .tp_basicsize = sizeof(Exchange),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "What `get` and `put` of a queue await.",
    .tp_dealloc = (destructor)exchange_dealloc,
    .tp_traverse = (traverseproc)exchange_traverse,
    .tp_clear = (inquiry)exchange_clear,
    .tp_as_async = &exchange_as_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)exchange_next,
    .tp_methods = exchange_methods,
    .tp_getset = exchange_getset,
};

/* -- the methods of the class */

static PyObject *
queue_get_method(PyObject *self, PyObject *unused)
{
    return exchange_new(self, NULL);
}

static PyObject *
queue_put_method(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    if (count + named != 1 ||
        (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "item") != 0)) {
        PyErr_SetString(PyExc_TypeError, "put() takes one argument, item");
        return NULL;
    }
    return exchange_new(self, args[0]);
}

static PyMethodDef queue_methods[] = {
    {"get", (PyCFunction)queue_get_method, METH_NOARGS, "Remove and return an item, as soon as there is one."},
    {"put", QUICK(queue_put_method), METH_FASTCALL | METH_KEYWORDS, "Put an item, as soon as there is room."},
};

/* Give asyncio's class of queues these methods. */
static PyObject *
quicken_queue(PyObject *module, PyObject *kind)
{
    if (stock_queue != NULL) {
        Py_RETURN_NONE;
    }
    stock_get = PyObject_GetAttrString(kind, "get");
    stock_put = PyObject_GetAttrString(kind, "put");
    if (!PyType_Check(kind) || stock_get == NULL || stock_put == NULL) {
        return NULL;
    }
    stock_queue = Py_NewRef(kind);
    for (size_t i = 0; i < sizeof(queue_methods) / sizeof(queue_methods[0]); i++) {
        PyObject *method = PyDescr_NewMethod((PyTypeObject *)kind, &queue_methods[i]);
        int failed = method == NULL || PyObject_SetAttrString(kind, queue_methods[i].ml_name, method) < 0;
        Py_XDECREF(method);
        if (failed) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}
