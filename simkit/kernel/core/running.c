/* Whose code runs: asyncio's running loop, the current task, and the fence's host.
 *
 * Twin of the calls of `_set_running_loop`, `_enter_task` and `_leave_task` in `simkit/kernel/`. asyncio 3.11 keeps the
 * running loop in an object that it makes anew for every change; here the loop is exchanged within that object, after a
 * trial that asyncio sees it. The current task is kept in a variable, and asyncio's own function asks that first.
 *
 * It deliberately leaves asyncio's table of current tasks to stock tasks, which check that nobody else is in it.
 */

static PyObject *set_running_loop;    /* asyncio's function */
static PyObject *stock_current_tasks; /* asyncio's table, by loop */
static PyObject *running_loop_key;    /* of asyncio's entry among the thread's */
static Task *current_task;            /* borrowed: the task that makes a step */
static PyObject **fence_turning;      /* where the compiled fence keeps whose turn it is */
static PyObject *fence_turn;          /* what tells it otherwise */

#if PY_VERSION_HEX < 0x030c0000

typedef struct {
    PyObject_HEAD
    PyObject *loop;
    int process;
} LoopHolder;

static LoopHolder *holder; /* a reference: asyncio's answer to who runs, or NULL where it must be asked for */
static int holder_is_trusted;

static LoopHolder *
asyncio_holder(void)
{
    PyObject *thread = PyThreadState_GetDict();
    PyObject *found = thread == NULL ? NULL : PyDict_GetItemWithError(thread, running_loop_key);
    return (LoopHolder *)Py_XNewRef(found);
}

static int
running_loop_is(PyObject *loop)
{
    /* Somebody else has called asyncio's function if our reference is the only one left. */
    if (holder != NULL && Py_REFCNT(holder) > 1) {
        Py_XSETREF(holder->loop, Py_NewRef(loop));
        return 0;
    }
    PyObject *done = PyObject_CallOneArg(set_running_loop, loop);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    Py_CLEAR(holder);
    if (holder_is_trusted) {
        holder = asyncio_holder();
    }
    return holder == NULL && PyErr_Occurred() ? -1 : 0;
}

static void
forget_running_loop(void)
{
    Py_CLEAR(holder);
}

/* Find out whether exchanging the loop within asyncio's object is seen by asyncio. */
static int
try_holder(PyObject *get_running_loop)
{
    PyObject *before = PyObject_CallNoArgs(get_running_loop), *one = NULL, *other = NULL, *seen = NULL;
    int worked = -1;
    holder_is_trusted = 0;
    if (before == NULL || (one = PyList_New(0)) == NULL || (other = PyList_New(0)) == NULL) {
        goto done;
    }
    if (running_loop_is(one) < 0) {
        goto done;
    }
    LoopHolder *found = asyncio_holder();
    if (found != NULL && Py_TYPE(found)->tp_basicsize == sizeof(LoopHolder) && found->loop == one) {
        Py_SETREF(found->loop, Py_NewRef(other));
        seen = PyObject_CallNoArgs(get_running_loop);
        holder_is_trusted = seen == other;
    }
    Py_XDECREF(found);
    PyObject *done = PyObject_CallOneArg(set_running_loop, before);
    worked = done == NULL ? -1 : 0;
    Py_XDECREF(done);
done:
    Py_XDECREF(before);
    Py_XDECREF(one);
    Py_XDECREF(other);
    Py_XDECREF(seen);
    return worked;
}

#else

static int
running_loop_is(PyObject *loop)
{
    PyObject *done = PyObject_CallOneArg(set_running_loop, loop);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static void
forget_running_loop(void)
{
}

static int
try_holder(PyObject *get_running_loop)
{
    return 0;
}

#endif

/* -- the current task, for `asyncio.current_task` */

/* Return what runs on a loop, borrowed: a stock task that is in asyncio's table, else ours; NULL for none. */
static PyObject *
current_task_of(PyObject *loop)
{
    if (PyDict_GET_SIZE(stock_current_tasks)) {
        PyObject *stock = PyDict_GetItemWithError(stock_current_tasks, loop);
        if (stock != NULL || PyErr_Occurred()) {
            return stock;
        }
    }
    return current_task != NULL && current_task->loop == loop ? (PyObject *)current_task : NULL;
}

/* True if the kernel's task makes this very step, and no stock task within it. */
static inline Task *
task_that_steps(void)
{
    return PyDict_GET_SIZE(stock_current_tasks) == 0 ? current_task : NULL;
}

/* Stands in the place of asyncio's table where a function of asyncio's in Python asks it (3.11). */
typedef struct {
    PyObject_HEAD
} CurrentTasks;

static PyObject *
current_tasks_get(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "get(loop, default=None)");
        return NULL;
    }
    PyObject *task = current_task_of(args[0]);
    if (task == NULL && PyErr_Occurred()) {
        return NULL;
    }
    return Py_NewRef(task != NULL ? task : count == 2 ? args[1] : Py_None);
}

static PyObject *
current_tasks_item(PyObject *self, PyObject *loop)
{
    return PyObject_GetItem(stock_current_tasks, loop);
}

static int
current_tasks_set_item(PyObject *self, PyObject *loop, PyObject *task)
{
    return task == NULL ? PyDict_DelItem(stock_current_tasks, loop) : PyDict_SetItem(stock_current_tasks, loop, task);
}

static Py_ssize_t
current_tasks_length(PyObject *self)
{
    return PyDict_GET_SIZE(stock_current_tasks);
}

static PyMappingMethods current_tasks_mapping = {
    .mp_length = current_tasks_length,
    .mp_subscript = current_tasks_item,
    .mp_ass_subscript = current_tasks_set_item,
};

static PyObject *
current_tasks_getattr(PyObject *self, PyObject *name)
{
    PyObject *own = PyObject_GenericGetAttr(self, name);
    if (own == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return PyObject_GetAttr(stock_current_tasks, name);
    }
    return own;
}

static PyMethodDef current_tasks_methods[] = {
    {"get", (PyCFunction)(void (*)(void))current_tasks_get, METH_FASTCALL, "Return the task that runs on a loop."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject CurrentTasks_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.CurrentTasks",
    .tp_basicsize = sizeof(CurrentTasks),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "asyncio's table of current tasks, and the kernel's own current task before it.",
    .tp_methods = current_tasks_methods,
    .tp_as_mapping = &current_tasks_mapping,
    .tp_getattro = current_tasks_getattr,
};

#if PY_VERSION_HEX >= 0x030c0000

/* Since 3.12 `asyncio.current_task` is written in C: its pointer is exchanged, for whoever imported it early. */
typedef PyObject *(*FastKeywords)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);
static FastKeywords stock_current_task;

static PyObject *
ours_or_stock_current_task(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    int known = named == 0 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "loop") == 0;
    if (current_task != NULL && count + named <= 1 && known) {
        PyObject *loop = count + named == 1 && args[0] != Py_None ? args[0] : current_task->loop;
        if (loop == current_task->loop) {
            PyObject *task = current_task_of(loop);
            return task == NULL && PyErr_Occurred() ? NULL : Py_NewRef(task);
        }
    }
    return stock_current_task(module, args, count, names);
}

static int
divert_current_task(PyObject *function)
{
    if (!PyCFunction_CheckExact(function) ||
        ((PyCFunctionObject *)function)->m_ml->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) {
        PyErr_SetString(PyExc_ImportError, "asyncio.current_task is not what it was");
        return -1;
    }
    PyMethodDef *definition = ((PyCFunctionObject *)function)->m_ml;
    stock_current_task = (FastKeywords)(void (*)(void))definition->ml_meth;
    definition->ml_meth = (PyCFunction)(void (*)(void))ours_or_stock_current_task;
    return 0;
}

#endif

/* -- the turn */

/* Let a loop's code run from now on. */
static int
give_turn(Agenda *world, Turns *loop)
{
    if (world->turning == loop) {
        return 0;
    }
    Py_XSETREF(world->turning, (Turns *)Py_NewRef(loop));
    if (running_loop_is((PyObject *)loop) < 0) {
        return -1;
    }
    if (fence_turning != NULL) {
        Py_XSETREF(*fence_turning, Py_NewRef(loop));
        return 0;
    }
    PyObject *done = fence_turn == NULL ? Py_NewRef(Py_None) : PyObject_CallOneArg(fence_turn, (PyObject *)loop);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}
