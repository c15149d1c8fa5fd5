/* The compiled core of the kernel: the queue, turns, tasks, timers and sleeping in C.
 *
 * The files beside this one are compiled as one module, a noun each; every one names its twin in Python, which is the
 * reference to read. `prepare` is given what of asyncio and of Python's half of the kernel the core calls, and tries what
 * it takes for granted of the interpreter; where a trial fails the Python core runs instead.
 *
 * It deliberately holds no rule that its twins do not have: the order of everything, the count of steps and every draw
 * are the same, to the last bit.
 */

#include "core.h"

#include "queue.c"

#include "running.c"

#include "handles.c"

#include "turns.c"

#include "task.c"

#include "sleep.c"

#include "agenda.c"

#include "mailbox.c"

#include "semaphore.c"

#include "exchange.c"

#include "stream.c"

#include "distribution.c"

#include "arrays.c"

/* -- what the core takes for granted */

static int
refuse(const char *what)
{
    if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_ImportError, "the compiled core does not fit this interpreter: %s", what);
    }
    return -1;
}

#include "pack.c"

#include "records.c"

#include "wire.c"

#include "port.c"

#include "arrival.c"

#include "handover.c"

/* Try every field of asyncio's future and task that the core reads or writes. */
static int
layout_fits(PyObject *loop, PyObject *coro)
{
    if (StockFuture_Type->tp_basicsize != sizeof(StockFuture) || StockTask_Type->tp_basicsize != sizeof(StockTask)) {
        return refuse("the size of a future or task");
    }
    PyObject *future = future_new((Turns *)loop), *task = task_new(Task_Type, (Turns *)loop, coro, NULL, NULL);
    StockFuture *f = (StockFuture *)future;
    Task *t = (Task *)task;
    PyObject *args[] = {future, task, t == NULL ? NULL : t->context};
    PyObject *done = NULL, *result = NULL, *number = PyLong_FromLong(123456789);
    int fits = 0;
    if (future == NULL || task == NULL || number == NULL) {
        goto end;
    }
    if ((done = PyObject_Vectorcall(stock_add_done_callback, args, 2, names_context)) == NULL ||
        f->callback0 != task || f->context0 != t->context || f->callbacks != NULL) {
        goto end;
    }
    if (PyObject_SetAttr(future, name_blocking, Py_True) < 0 || !f->blocking) {
        goto end;
    }
    f->blocking = 0;
    Py_CLEAR(f->callback0);
    Py_CLEAR(f->context0);
    PyObject *value[] = {future, number};
    Py_SETREF(done, PyObject_Vectorcall(stock_set_result, value, 2, NULL));
    if (done == NULL || f->state != FINISHED || f->result != number || f->exception != NULL) {
        goto end;
    }
    Py_SETREF(done, PyObject_GetAttrString(task, "_coro"));
    if (done != coro) {
        goto end;
    }
    t->fut_waiter = Py_NewRef(future);
    Py_SETREF(done, PyObject_GetAttrString(task, "_fut_waiter"));
    Py_CLEAR(t->fut_waiter);
    if (done != future) {
        goto end;
    }
    PyObject *cancelled[] = {task, number};
    Py_SETREF(done, PyObject_Vectorcall(stock_task_cancel, cancelled, 1, names_msg));
    if (done != Py_True || !t->must_cancel || t->cancel_message != number || t->cancels_requested != 1) {
        goto end;
    }
    t->must_cancel = 0;
    Py_SETREF(done, PyObject_GetAttrString(task, "_must_cancel"));
    if (done != Py_False || future_finish((StockFuture *)task, number) < 0) {
        goto end;
    }
    result = PyObject_CallMethodNoArgs(task, name_result);
    fits = result == number;
end:
    if (t != NULL) {
        unlist_task(t);
    }
    Py_XDECREF(future);
    Py_XDECREF(task);
    Py_XDECREF(done);
    Py_XDECREF(result);
    Py_XDECREF(number);
    return fits ? 0 : refuse("a field of a future or task");
}

/* -- the module */

static int
intern_names(void)
{
    const struct {
        PyObject **place;
        const char *text;
    } names[] = {
        {&running_loop_key, "__asyncio_running_event_loop__"},
        {&name_collect, "_collect_host_timers"},
        {&name_schedule_in_host_time, "_schedule_in_host_time"},
        {&name_perfect, "perfect"},
        {&name_monotonic_ns, "monotonic_ns"},
        {&name_context, "context"},
        {&name_loop, "_loop"},
        {&name_name, "name"},
        {&name_blocking, "_asyncio_future_blocking"},
        {&name_get_loop, "get_loop"},
        {&name_add_done_callback, "add_done_callback"},
        {&name_cancel, "cancel"},
        {&name_result, "result"},
        {&name_throw, "throw"},
        {&name_make_cancelled_error, "_make_cancelled_error"},
        {&name_value, "_value"},
        {&name_waiters, "_waiters"},
        {&name_acquire, "acquire"},
        {&name_release, "release"},
        {&name_append, "append"},
        {&name_remove, "remove"},
        {&name_deque, "deque"},
        {&name_queue, "_queue"},
        {&name_getters, "_getters"},
        {&name_putters, "_putters"},
        {&name_maxsize, "_maxsize"},
        {&name_unfinished, "_unfinished_tasks"},
        {&name_finished, "_finished"},
        {&name_popleft, "popleft"},
        {&name_clear, "clear"},
        {&name_is_shutdown, "_is_shutdown"},
        {&name_pause, "_pause"},
        {&name_run_dry, "_run_dry"},
        {&name_livelock, "_livelock"},
        {&name_endless, "_endless_rounds"},
        {&name_compact, "_compact_loops"},
        {&name_hexdigest, "hexdigest"},
        {&name_draw, "draw"},
        {&name_round, "__round__"},
        {&name_encode, "encode"},
        {&name_plan, "_wire_plan"},
        {&name_look, "look"},
        {&name_wire_tag, "wire_tag"},
        {&name_receive, "receive"},
        {&name_dispatch, "dispatch"},
        {&name_take, "take"},
        {&name_failed, "_failed"},
        {&kind_message, "message"},
        {&told_delivered, "delivered"},
        {&told_no_process, "no process"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((*names[i].place = PyUnicode_InternFromString(names[i].text)) == NULL) {
            return -1;
        }
    }
    names_msg = Py_BuildValue("(s)", "msg");
    names_context = PyTuple_Pack(1, name_context);
    no_arguments = PyTuple_New(0);
    return names_msg == NULL || names_context == NULL || no_arguments == NULL ? -1 : 0;
}

/* Take a reference to one of the things that `prepare` is given. */
static PyObject *
given(PyObject *things, const char *name)
{
    PyObject *thing = PyDict_GetItemString(things, name);
    if (thing == NULL) {
        PyErr_Format(PyExc_TypeError, "prepare() wants %s", name);
    }
    return Py_XNewRef(thing);
}

static int
take_given(PyObject *things)
{
    const struct {
        PyObject **place;
        const char *name;
    } wanted[] = {
        {(PyObject **)&StockFuture_Type, "future"},
        {(PyObject **)&StockTask_Type, "task"},
        {(PyObject **)&Handle_Type, "handle"},
        {(PyObject **)&Timer_Type, "timer"},
        {&CancelledError, "cancelled_error"},
        {&handle_failed, "handle_failed"},
        {&receiving_failed, "receiving_failed"},
        {&set_unless_done, "set_unless_done"},
        {&iscoroutine, "iscoroutine"},
        {&stock_sleep, "sleep"},
        {&set_running_loop, "set_running_loop"},
        {&stock_current_tasks, "current_tasks"},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if ((*wanted[i].place = given(things, wanted[i].name)) == NULL) {
            return -1;
        }
    }
    if (!PyType_Check(StockFuture_Type) || !PyType_Check(StockTask_Type) || !PyType_Check(Handle_Type) ||
        !PyType_Check(Timer_Type) || !PyDict_CheckExact(stock_current_tasks)) {
        return refuse("asyncio's types");
    }
    stock_set_result = PyObject_GetAttrString((PyObject *)StockFuture_Type, "set_result");
    stock_set_exception = PyObject_GetAttrString((PyObject *)StockFuture_Type, "set_exception");
    stock_cancel = PyObject_GetAttrString((PyObject *)StockFuture_Type, "cancel");
    stock_add_done_callback = PyObject_GetAttrString((PyObject *)StockFuture_Type, "add_done_callback");
    stock_task_cancel = PyObject_GetAttrString((PyObject *)StockTask_Type, "cancel");
    return stock_set_result == NULL || stock_set_exception == NULL || stock_cancel == NULL ||
                   stock_add_done_callback == NULL || stock_task_cancel == NULL
               ? -1
               : find_slots();
}

static int
make_types(PyObject *module)
{
    Future_Type = (PyTypeObject *)PyType_FromSpecWithBases(&future_spec, (PyObject *)StockFuture_Type);
    Task_Type = (PyTypeObject *)PyType_FromSpecWithBases(&task_spec, (PyObject *)StockTask_Type);
    if (Future_Type == NULL || Task_Type == NULL) {
        return -1;
    }
    PyObject *sleep = sleep_function();
    int failed = sleep == NULL || PyModule_AddObjectRef(module, "Future", (PyObject *)Future_Type) < 0 ||
                 PyModule_AddObjectRef(module, "Task", (PyObject *)Task_Type) < 0 ||
                 PyModule_AddObjectRef(module, "sleep", sleep) < 0;
    Py_XDECREF(sleep);
    return failed ? -1 : 0;
}

static PyObject *
prepare(PyObject *module, PyObject *things)
{
    if (Task_Type != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the core is prepared once");
        return NULL;
    }
    if (!PyDict_Check(things) || take_given(things) < 0 || make_types(module) < 0) {
        return NULL;
    }
    PyObject *get_running_loop = given(things, "get_running_loop");
    PyObject *trial_key = given(things, "trial_key"), *trial_hash = given(things, "trial_hash");
    PyObject *coro = given(things, "trial_coroutine"), *coroutine_function = given(things, "current_task");
    if (get_running_loop == NULL || trial_key == NULL || trial_hash == NULL || coro == NULL ||
        coroutine_function == NULL) {
        return NULL;
    }
    uint64_t hash = turn_hash(PyLong_AsUnsignedLongLong(trial_key), 7, 3);
    if (hash != PyLong_AsUnsignedLongLong(trial_hash)) {
        refuse("the hash of a turn");
        return NULL;
    }
    PyObject *world = PyObject_CallFunction((PyObject *)&Agenda_Type, "KLL", 1ULL, 1LL, 1LL);
    PyObject *loop = world == NULL ? NULL : PyObject_CallFunction((PyObject *)&Turns_Type, "OsL", world, "trial", 0LL);
    if (loop == NULL || layout_fits(loop, coro) < 0 || try_holder(get_running_loop) < 0) {
        return NULL;
    }
    agenda_clear((Agenda *)world);
    turns_clear((Turns *)loop);
    Py_DECREF(loop);
    Py_DECREF(world);
#if PY_VERSION_HEX >= 0x030c0000
    if (divert_current_task(coroutine_function) < 0) {
        return NULL;
    }
#endif
    Py_DECREF(get_running_loop);
    Py_DECREF(trial_key);
    Py_DECREF(trial_hash);
    Py_DECREF(coro);
    Py_DECREF(coroutine_function);
    return (PyObject *)PyObject_New(CurrentTasks, &CurrentTasks_Type);
}

static PyObject *
follow_turns(PyObject *module, PyObject *args)
{
    PyObject *function, *capsule;
    if (!PyArg_ParseTuple(args, "OO", &function, &capsule)) {
        return NULL;
    }
    if (capsule != Py_None) {
        fence_turning = PyCapsule_GetPointer(capsule, "simkit.kernel.fence.turning");
        if (fence_turning == NULL) {
            return NULL;
        }
    }
    Py_XSETREF(fence_turn, Py_NewRef(function));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"prepare", prepare, METH_O, "prepare(things): make the types and try what is taken for granted, once."},
    {"follow_turns", follow_turns, METH_VARARGS, "follow_turns(turn, capsule): tell the fence whose turn it is."},
    {"carry_messages", carry_messages, METH_O, "carry_messages(things): take the place of the twins in `Endpoint`."},
    {"quicken_queue", quicken_queue, METH_O, "quicken_queue(kind): give asyncio's class of queues our methods."},
    {"quicken_semaphore", quicken_semaphore, METH_VARARGS, "quicken_semaphore(kind, acquire): give it our methods."},
    {"log", log_function, METH_O, "Return the natural logarithm of `x` > 0."},
    {"exp", exp_function, METH_O, "Return e to the power `x`."},
    {"normal_quantile", normal_quantile_function, METH_O, "Return a quantile of the standard normal distribution."},
    {"log_all", log_all, METH_O, "log_all(floats): replace each float of a buffer by its natural logarithm."},
    {"exp_all", exp_all, METH_O, "exp_all(floats): replace each by e to its power."},
    {"normal_quantile_all", normal_quantile_all, METH_O, "normal_quantile_all(floats): replace shares by quantiles."},
    {"draw_all", QUICK(draw_all), METH_FASTCALL, "draw_all(key, individuals, counts, drawn): draw once for each."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_doc = "The compiled core of the kernel.",
    .m_size = -1,
    .m_methods = functions,
};

/* The digest of the sources, given by the build hook; a module compiled by hand has none. */
#ifndef SOURCES
#define SOURCES ""
#endif

PyMODINIT_FUNC
PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || intern_names() < 0 || PyType_Ready(&CurrentTasks_Type) < 0 ||
        PyType_Ready(&SleepFunction_Type) < 0 || PyType_Ready(&Sleep_Type) < 0 || PyType_Ready(&Posted_Type) < 0 ||
        PyModule_AddType(module, &Mailbox_Type) < 0 || PyModule_AddType(module, &Acquire_Type) < 0 ||
        PyModule_AddType(module, &Exchange_Type) < 0 || PyModule_AddType(module, &Receive_Type) < 0 ||
        PyModule_AddType(module, &Agenda_Type) < 0 || PyModule_AddType(module, &Turns_Type) < 0 ||
        PyModule_AddType(module, &Draws_Type) < 0 || PyModule_AddType(module, &Sink_Type) < 0 ||
        PyModule_AddType(module, &Posted_Type) < 0 || PyModule_AddType(module, &Sleep_Type) < 0 ||
        PyModule_AddStringConstant(module, "sources", SOURCES) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
