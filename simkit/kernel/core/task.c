/* The kernel's task and future.
 *
 * Twin of `simkit/kernel/task.py`: true subclasses of asyncio's, whose initialiser never runs, so that asyncio's own
 * methods find their fields where they left them. A task steps its coroutine itself, and is its own callback on the
 * future it waits for, so that waking it needs no handle.
 *
 * It deliberately goes its own way only where the future is asyncio's or ours to the letter, and has one callback; a
 * subclass with methods of its own is asked by its methods.
 */

static PyObject *name_blocking, *name_get_loop, *name_add_done_callback, *name_cancel, *name_result, *name_throw,
    *name_make_cancelled_error, *names_msg, *names_context;
static PyObject *stock_set_result, *stock_set_exception, *stock_cancel, *stock_task_cancel, *stock_add_done_callback;
static PyObject *CancelledError;

static inline int
is_known_future(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    return type == Future_Type || type == Task_Type || type == StockFuture_Type || type == StockTask_Type;
}

/* -- futures */

static PyObject *
future_new(Turns *loop)
{
    StockFuture *future = (StockFuture *)Future_Type->tp_alloc(Future_Type, 0);
    if (future != NULL) {
        future->loop = Py_NewRef(loop); /* everything else begins as zero, as asyncio's initialiser leaves it */
    }
    return (PyObject *)future;
}

/* Become done with a result, and wake who waits; the future is pending. */
static int
future_finish(StockFuture *self, PyObject *result)
{
    PyObject *callback = self->callback0;
    if (self->callbacks != NULL || (callback != NULL && !Py_IS_TYPE(callback, Task_Type)) ||
        !Turns_Check(self->loop)) {
        PyObject *args[] = {(PyObject *)self, result};
        PyObject *done = PyObject_Vectorcall(stock_set_result, args, 2, NULL);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    Py_XSETREF(self->result, Py_NewRef(result));
    self->state = FINISHED;
    if (callback == NULL) {
        return 0;
    }
    self->callback0 = NULL;
    Py_CLEAR(self->context0);
    int done = turns_enqueue((Turns *)self->loop, callback);
    Py_DECREF(callback);
    return done;
}

static PyObject *
future_set_result(StockFuture *self, PyObject *result)
{
    if (self->state != PENDING || self->loop == NULL) {
        PyObject *args[] = {(PyObject *)self, result};
        return PyObject_Vectorcall(stock_set_result, args, 2, NULL);
    }
    return future_finish(self, result) < 0 ? NULL : Py_NewRef(Py_None);
}

static Py_hash_t
future_hash(Future *self)
{
    if (self->serial == 0) {
        if (self->loop == NULL || !Turns_Check(self->loop)) {
            PyErr_SetString(PyExc_AttributeError, "the loop of this future has no world");
            return -1;
        }
        self->serial = ++((Turns *)self->loop)->world->serial;
    }
    return (Py_hash_t)self->serial;
}

static PyMethodDef future_methods[] = {
    {"set_result", (PyCFunction)future_set_result, METH_O, "As asyncio has it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot future_slots[] = {
    {Py_tp_doc, "What `loop.create_future()` returns."},
    {Py_tp_hash, future_hash},
    {Py_tp_methods, future_methods},
    {0, NULL},
};

static PyType_Spec future_spec = {
    .name = "simkit.kernel.core._core.Future",
    .basicsize = sizeof(Future),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = future_slots,
};

/* -- tasks: how they begin and end */

static void
list_task(Turns *loop, Task *task)
{
    task->previous = loop->last_task;
    task->next = NULL;
    *(loop->last_task == NULL ? &loop->first_task : &loop->last_task->next) = task;
    loop->last_task = task;
    task->listed = 1;
    Py_INCREF(task);
}

static void
unlist_task(Task *task)
{
    if (!task->listed) {
        return;
    }
    Turns *loop = (Turns *)task->loop;
    *(task->previous == NULL ? &loop->first_task : &task->previous->next) = task->next;
    *(task->next == NULL ? &loop->last_task : &task->next->previous) = task->previous;
    task->previous = task->next = NULL;
    task->listed = 0;
    Py_DECREF(task);
}

/* Fill a task that has just been allocated; `name` and `context` may be NULL. */
static int
task_begin(Task *self, Turns *loop, PyObject *coro, PyObject *name, PyObject *context)
{
    if (!PyCoro_CheckExact(coro)) {
        PyObject *answer = PyObject_CallOneArg(iscoroutine, coro);
        int fits = answer == NULL ? -1 : PyObject_IsTrue(answer);
        Py_XDECREF(answer);
        if (fits <= 0) {
            if (fits == 0) {
                PyErr_Format(PyExc_TypeError, "a coroutine was expected, got %R", coro);
            }
            return -1;
        }
    }
    if (context != NULL && !PyContext_CheckExact(context)) {
        PyErr_Format(PyExc_TypeError, "a context is wanted, not %R", context);
        return -1;
    }
    PyObject *own_context = context == NULL ? PyContext_CopyCurrent() : Py_NewRef(context);
    PyObject *own_name = name == NULL ? NULL : PyObject_Str(name);
    if (own_context == NULL || (name != NULL && own_name == NULL)) {
        Py_XDECREF(own_context);
        Py_XDECREF(own_name);
        return -1;
    }
    Py_XSETREF(self->loop, Py_NewRef(loop));
    Py_XSETREF(self->context, own_context);
    Py_XSETREF(self->name, own_name);
    Py_XSETREF(self->coro, Py_NewRef(coro));
    self->number = ++loop->world->task_number;
    list_task(loop, self);
    return turns_enqueue(loop, (PyObject *)self);
}

static PyObject *
task_new(PyTypeObject *type, Turns *loop, PyObject *coro, PyObject *name, PyObject *context)
{
    Task *task = (Task *)type->tp_alloc(type, 0);
    if (task != NULL && task_begin(task, loop, coro, name, context) < 0) {
        Py_CLEAR(task);
    }
    return (PyObject *)task;
}

static int
task_init(Task *self, PyObject *args, PyObject *options)
{
    static char *keywords[] = {"coro", "loop", "name", "context", NULL};
    PyObject *coro, *loop = NULL, *name = Py_None, *context = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, options, "O|$OOO", keywords, &coro, &loop, &name, &context)) {
        return -1;
    }
    if (loop == NULL || !Turns_Check(loop)) {
        PyErr_Format(PyExc_TypeError, "the loop of a host is wanted, not %R", loop == NULL ? Py_None : loop);
        return -1;
    }
    if (self->loop != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a task begins once");
        return -1;
    }
    return task_begin(self, (Turns *)loop, coro, name == Py_None ? NULL : name, context == Py_None ? NULL : context);
}

static int
set_cancelled(Task *self, PyObject *message)
{
    PyObject *args[] = {(PyObject *)self, message == NULL ? Py_None : message};
    PyObject *done = PyObject_Vectorcall(stock_cancel, args, 1, names_msg);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int
end_with_result(Task *self, PyObject *result)
{
    unlist_task(self);
    if (self->must_cancel) {
        self->must_cancel = 0;
        return set_cancelled(self, self->cancel_message);
    }
    if (self->state != PENDING) {
        PyErr_SetString(PyExc_RuntimeError, "a task has ended twice");
        return -1;
    }
    return future_finish((StockFuture *)self, result);
}

/* The coroutine has raised what is the current exception. */
static int
end_with_error(Task *self)
{
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyErr_NormalizeException(&kind, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    int done;
    unlist_task(self);
    if (PyErr_GivenExceptionMatches(kind, CancelledError)) {
        PyObject *args = ((PyBaseExceptionObject *)error)->args;
        PyObject *message = args != NULL && PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : Py_None;
        Py_XSETREF(self->cancel_message, Py_NewRef(message));
        done = set_cancelled(self, message);
    } else {
        PyObject *args[] = {(PyObject *)self, error};
        PyObject *set = PyObject_Vectorcall(stock_set_exception, args, 2, NULL);
        Py_XDECREF(set);
        done = set == NULL ? -1 : 0;
        if (done == 0 && (PyErr_GivenExceptionMatches(kind, PyExc_KeyboardInterrupt) ||
                          PyErr_GivenExceptionMatches(kind, PyExc_SystemExit))) {
            PyErr_Restore(kind, error, traceback);
            return -1;
        }
    }
    Py_XDECREF(kind);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return done;
}

/* -- what a step waits for */

/* Let the task wait for a future; -1 with an exception. */
static int
wake_me(Task *self, PyObject *future)
{
    StockFuture *known = (StockFuture *)future;
    if (is_known_future(future) && known->state == PENDING && known->callback0 == NULL && known->callbacks == NULL) {
        known->callback0 = Py_NewRef(self);
        known->context0 = Py_NewRef(self->context);
        return 0;
    }
    PyObject *args[] = {future, (PyObject *)self, self->context};
    PyObject *done = PyObject_VectorcallMethod(name_add_done_callback, args, 2, names_context);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Wait for a new future, and no longer for an entry in the world's queue; return the future, borrowed. */
static Future *
task_await_future(Task *self)
{
    self->sleep_sequence = 0;
    PyObject *future = future_new((Turns *)self->loop);
    if (future == NULL || wake_me(self, future) < 0) {
        Py_XDECREF(future);
        return NULL;
    }
    Py_XSETREF(self->fut_waiter, future);
    return (Future *)future;
}

/* Ask a future to cancel; 1 if it said yes. */
static int
cancel_future(PyObject *future, PyObject *message)
{
    PyObject *args[] = {future, message == NULL ? Py_None : message};
    PyObject *said = PyObject_VectorcallMethod(name_cancel, args, 1, names_msg);
    int yes = said == NULL ? -1 : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return yes;
}

/* Let the next step raise a RuntimeError; takes over the reference to the text. */
static int
fail_soon(Task *self, PyObject *text)
{
    PyObject *error = text == NULL ? NULL : PyObject_CallOneArg(PyExc_RuntimeError, text);
    Future *future = error == NULL ? NULL : task_await_future(self);
    PyObject *args[] = {(PyObject *)future, error};
    PyObject *done = future == NULL ? NULL : PyObject_Vectorcall(stock_set_exception, args, 2, NULL);
    Py_XDECREF(text);
    Py_XDECREF(error);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Return 1 if the future says that it is being awaited, 0 if not, -1 with an exception, -2 if it is no future. */
static int
is_blocking(PyObject *op)
{
    PyObject *blocking = PyObject_GetAttr(op, name_blocking);
    if (blocking == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return -1;
        }
        PyErr_Clear();
        return -2;
    }
    int answer = blocking == Py_None ? -2 : PyObject_IsTrue(blocking);
    Py_DECREF(blocking);
    return answer;
}

static int
belongs_to(PyObject *future, PyObject *loop)
{
    if (is_known_future(future)) {
        return ((StockFuture *)future)->loop == loop;
    }
    PyObject *its = PyObject_CallMethodNoArgs(future, name_get_loop);
    if (its == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        its = PyObject_GetAttr(future, name_loop);
    }
    Py_XDECREF(its);
    return its == NULL ? -1 : its == loop;
}

static int
wait_for_future(Task *self, PyObject *awaited)
{
    int blocking = is_known_future(awaited) ? (int)((StockFuture *)awaited)->blocking : is_blocking(awaited);
    if (blocking == -1) {
        return -1;
    }
    if (blocking == -2) {
        return fail_soon(self, PyUnicode_FromFormat("Task got bad yield: %R", awaited));
    }
    int ours = belongs_to(awaited, self->loop);
    if (ours < 0) {
        return -1;
    }
    if (!ours) {
        return fail_soon(self, PyUnicode_FromFormat("Task %R got Future %R attached to a different loop", self, awaited));
    }
    if (!blocking) {
        return fail_soon(self, PyUnicode_FromFormat("yield was used instead of yield from in task %R with %R", self,
                                                    awaited));
    }
    if (awaited == (PyObject *)self) {
        return fail_soon(self, PyUnicode_FromFormat("Task cannot await on itself: %R", self));
    }
    if (is_known_future(awaited)) {
        ((StockFuture *)awaited)->blocking = 0;
    } else if (PyObject_SetAttr(awaited, name_blocking, Py_False) < 0) {
        return -1;
    }
    if (wake_me(self, awaited) < 0) {
        return -1;
    }
    Py_XSETREF(self->fut_waiter, Py_NewRef(awaited));
    if (self->must_cancel) {
        int yes = cancel_future(awaited, self->cancel_message);
        if (yes < 0) {
            return -1;
        }
        self->must_cancel = !yes;
    }
    return 0;
}

static int64_t asleep_until(PyObject *yielded);

/* Arrange the next step after whatever the coroutine has just yielded. */
static int
wait_for(Task *self, PyObject *awaited)
{
    Turns *loop = (Turns *)self->loop;
    if (awaited == Py_None) {
        return turns_enqueue(loop, (PyObject *)self);
    }
    int64_t wake_ns = asleep_until(awaited);
    Mailbox *mailbox = wake_ns < 0 ? mailbox_waited_for(awaited) : NULL;
    if (wake_ns < 0 && mailbox == NULL) {
        return wait_for_future(self, awaited);
    }
    if (self->must_cancel) {
        Future *future = task_await_future(self);
        if (future == NULL || cancel_future((PyObject *)future, self->cancel_message) < 0) {
            return -1;
        }
        self->must_cancel = 0;
        return 0;
    }
    if (mailbox != NULL) {
        wait_in(mailbox, self);
        return 0;
    }
    self->sleep_sequence = ++loop->world->sequence;
    return queue_push(&loop->world->queue, wake_ns, self->sleep_sequence, loop, (PyObject *)self);
}

/* -- a step */

/* Return the exception of a future that is done, or NULL; an exception set means that asking failed. */
static PyObject *
error_of(PyObject *future)
{
    StockFuture *known = (StockFuture *)future;
    if (is_known_future(future) && known->state == FINISHED && known->exception == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallMethodNoArgs(future, name_result);
    if (result != NULL) {
        Py_DECREF(result);
        return NULL;
    }
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyErr_NormalizeException(&kind, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    Py_XDECREF(kind);
    Py_XDECREF(traceback);
    return error;
}

static PySendResult
throw_into(PyObject *coro, PyObject *error, PyObject **result)
{
    *result = PyObject_CallMethodOneArg(coro, name_throw, error);
    if (*result != NULL) {
        return PYGEN_NEXT;
    }
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
        return PYGEN_ERROR;
    }
    PyObject *kind, *stop, *traceback;
    PyErr_Fetch(&kind, &stop, &traceback);
    PyErr_NormalizeException(&kind, &stop, &traceback);
    *result = Py_NewRef(((PyStopIterationObject *)stop)->value);
    Py_XDECREF(kind);
    Py_XDECREF(stop);
    Py_XDECREF(traceback);
    return PYGEN_RETURN;
}

/* Run the coroutine to its next `await`, in the task's own context. */
static int
task_step(Task *self)
{
    PyObject *error = NULL, *result = NULL, *awaited = self->fut_waiter;
    if (awaited != NULL) {
        self->fut_waiter = NULL;
        error = error_of(awaited);
        Py_DECREF(awaited);
    }
    if (self->must_cancel) {
        if (error == NULL || !PyErr_GivenExceptionMatches(error, CancelledError)) {
            Py_XSETREF(error, PyObject_CallMethodNoArgs((PyObject *)self, name_make_cancelled_error));
            if (error == NULL) {
                return -1;
            }
        }
        self->must_cancel = 0;
    }
    PyObject *coro = Py_NewRef(self->coro), *context = Py_NewRef(self->context);
    Task *outer = current_task;
    current_task = self;
    PySendResult sent = PYGEN_ERROR;
    if (PyContext_Enter(context) == 0) {
        sent = error == NULL ? PyIter_Send(coro, Py_None, &result) : throw_into(coro, error, &result);
        if (PyContext_Exit(context) < 0) {
            sent = PYGEN_ERROR;
        }
    }
    current_task = outer;
    Py_XDECREF(error);
    int done = sent == PYGEN_NEXT     ? wait_for(self, result)
               : sent == PYGEN_RETURN ? end_with_result(self, result)
                                      : end_with_error(self);
    Py_XDECREF(result);
    Py_DECREF(coro);
    Py_DECREF(context);
    return done;
}

/* -- methods */

static PyObject *
task_run(Task *self, PyObject *unused)
{
    return task_step(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
task_cancel(Task *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *message = count ? args[0] : names != NULL && PyTuple_GET_SIZE(names) == 1 ? args[0] : Py_None;
    if (count + (names == NULL ? 0 : PyTuple_GET_SIZE(names)) > 1) {
        PyErr_SetString(PyExc_TypeError, "cancel() takes one argument, msg");
        return NULL;
    }
    if (self->sleep_sequence && self->state == PENDING) {
        if (agenda_timer_cancelled(((Turns *)self->loop)->world) < 0 || task_await_future(self) == NULL) {
            return NULL;
        }
    }
    if (self->mailbox != NULL && self->state == PENDING) {
        leave_mailbox(self);
        if (task_await_future(self) == NULL) {
            return NULL;
        }
    }
    PyObject *passed[] = {(PyObject *)self, message};
    return PyObject_Vectorcall(stock_task_cancel, passed, 1, names_msg);
}

static PyObject *
task_get_name(Task *self, PyObject *unused)
{
    return self->name == NULL ? PyUnicode_FromFormat("Task-%lld", (long long)self->number) : Py_NewRef(self->name);
}

static PyObject *
task_get_context(Task *self, PyObject *unused)
{
    return Py_NewRef(self->context == NULL ? Py_None : self->context);
}

static PyObject *
task_call(Task *self, PyObject *args, PyObject *options)
{
    return turns_enqueue((Turns *)self->loop, (PyObject *)self) < 0 ? NULL : Py_NewRef(Py_None);
}

static Py_hash_t
task_hash(Task *self)
{
    return (Py_hash_t)self->number;
}

static PyMethodDef task_methods[] = {
    {"_run", (PyCFunction)task_run, METH_NOARGS, "Run the coroutine to its next `await`."},
    {"cancel", QUICK(task_cancel), METH_FASTCALL | METH_KEYWORDS, "As asyncio has it."},
    {"get_name", (PyCFunction)task_get_name, METH_NOARGS, "As asyncio has it."},
    {"get_context", (PyCFunction)task_get_context, METH_NOARGS, "As asyncio has it."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef task_members[] = {
    {"number", T_LONGLONG, offsetof(Task, number), READONLY, "In the order of creation, among all of the world."},
    {"sleep_sequence", T_LONGLONG, offsetof(Task, sleep_sequence), READONLY, "Of its entry in the queue, or 0."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot task_slots[] = {
    {Py_tp_doc, "What `loop.create_task()` returns: a coroutine of one host, stepped by the kernel."},
    {Py_tp_init, task_init},
    {Py_tp_hash, task_hash},
    {Py_tp_call, task_call},
    {Py_tp_methods, task_methods},
    {Py_tp_members, task_members},
    {0, NULL},
};

static PyType_Spec task_spec = {
    .name = "simkit.kernel.core._core.Task",
    .basicsize = sizeof(Task),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = task_slots,
};
