/* A host's loop: what it has to do, and what its code may ask for.
 *
 * Twin of `simkit/kernel/turns.py`. The ready queue is a ring: a pass runs as many entries as the ring held when it began,
 * and what a stopped host has left simply stays where it is. Unfinished tasks hang from their loop in a list that runs
 * through the tasks themselves.
 *
 * It deliberately leaves to Python what hardly ever happens: timers of clocks that are not the world's, task factories.
 */

static PyObject *iscoroutine;
static PyObject *name_collect, *name_schedule_in_host_time, *name_perfect, *name_monotonic_ns, *name_context,
    *name_loop, *name_name, *no_arguments;

/* -- rings and lists of references */

static int
ring_grow(Ring *ring)
{
    uint32_t room = ring->room ? ring->room * 2 : 4;
    PyObject **items = PyMem_New(PyObject *, room);
    if (items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < ring->count; i++) {
        items[i] = ring->items[(ring->head + i) & (ring->room - 1)];
    }
    PyMem_Free(ring->items);
    ring->items = items;
    ring->head = 0;
    ring->room = room;
    return 0;
}

static inline int
ring_push(Ring *ring, PyObject *item)
{
    if (ring->count == ring->room && ring_grow(ring) < 0) {
        return -1;
    }
    ring->items[(ring->head + ring->count++) & (ring->room - 1)] = Py_NewRef(item);
    return 0;
}

/* Hand the first reference over. */
static inline PyObject *
ring_pop(Ring *ring)
{
    PyObject *item = ring->items[ring->head];
    ring->head = (ring->head + 1) & (ring->room - 1);
    ring->count--;
    return item;
}

static inline PyObject *
ring_item(const Ring *ring, uint32_t place)
{
    return ring->items[(ring->head + place) & (ring->room - 1)];
}

static int
items_append(Items *list, PyObject *item)
{
    if (list->count == list->room) {
        uint32_t room = list->room ? list->room * 2 : 2;
        PyObject **items = PyMem_Resize(list->items, PyObject *, room);
        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = Py_NewRef(item);
    return 0;
}

/* Return the references as a new list of Python's, and forget them. */
static PyObject *
items_taken(Items *list)
{
    PyObject *taken = PyList_New(list->count);
    if (taken != NULL) {
        for (uint32_t i = 0; i < list->count; i++) {
            PyList_SET_ITEM(taken, i, list->items[i]);
        }
        list->count = 0;
        PyMem_Free(list->items);
        list->items = NULL;
        list->room = 0;
    }
    return taken;
}

static PyObject *
ring_taken(Ring *ring)
{
    PyObject *taken = PyList_New(ring->count);
    if (taken != NULL) {
        for (uint32_t i = 0; i < ring->count; i++) {
            PyList_SET_ITEM(taken, i, ring_item(ring, i));
        }
        ring->count = ring->head = ring->room = 0;
        PyMem_Free(ring->items);
        ring->items = NULL;
    }
    return taken;
}

/* -- time */

/* Return 1 if the host's monotonic time is the world's; -1 with an exception. */
static int
clock_is_perfect(Turns *self)
{
    static PyTypeObject *known;
    static Py_ssize_t place;
    PyObject *clock = self->clock, *perfect;
    if (clock == NULL || clock == Py_None) {
        return 1;
    }
    if (Py_TYPE(clock) == known) {
        perfect = SLOT(clock, place);
        if (perfect != NULL) {
            return perfect == Py_True;
        }
    }
    PyObject *found = PyObject_GetAttr((PyObject *)Py_TYPE(clock), name_perfect);
    if (found == NULL) {
        PyErr_Clear();
    } else if (Py_IS_TYPE(found, &PyMemberDescr_Type) &&
               ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX) {
        Py_XSETREF(known, (PyTypeObject *)Py_NewRef(Py_TYPE(clock)));
        place = ((PyMemberDescrObject *)found)->d_member->offset;
    }
    Py_XDECREF(found);
    perfect = PyObject_GetAttr(clock, name_perfect);
    if (perfect == NULL) {
        return -1;
    }
    int answer = PyObject_IsTrue(perfect);
    Py_DECREF(perfect);
    return answer;
}

/* Return the host's monotonic time; -1 with an exception. */
static int64_t
host_ns(Turns *self)
{
    int perfect = clock_is_perfect(self);
    if (perfect != 0) {
        return perfect < 0 ? -1 : self->world->now_ns;
    }
    PyObject *shown = PyObject_CallMethodNoArgs(self->clock, name_monotonic_ns);
    int64_t ns = shown == NULL ? -1 : PyLong_AsLongLong(shown);
    Py_XDECREF(shown);
    return ns;
}

static PyObject *
turns_time(Turns *self, PyObject *unused)
{
    int64_t ns = host_ns(self);
    return ns == -1 && PyErr_Occurred() ? NULL : PyFloat_FromDouble((double)ns / NANOSECONDS);
}

static PyObject *
turns_host_ns(Turns *self, PyObject *unused)
{
    int64_t ns = host_ns(self);
    return ns == -1 && PyErr_Occurred() ? NULL : PyLong_FromLongLong(ns);
}

/* Return the smallest integer of nanoseconds that `time()` shows as at least `when` seconds; -1 with an exception. */
static int64_t
deadline_of(double when)
{
    if (0.0 < when && when < (double)NEVER_NS / NANOSECONDS) {
        int64_t ns = (int64_t)ceil(when * NANOSECONDS);
        while ((double)ns / NANOSECONDS < when) {
            ns++;
        }
        while ((double)(ns - 1) / NANOSECONDS >= when) {
            ns--;
        }
        return ns;
    }
    if (isnan(when)) {
        PyErr_SetString(PyExc_ValueError, "a deadline cannot be NaN");
        return -1;
    }
    return when > 0.0 ? NEVER_NS : 0;
}

/* -- what there is to do */

static int
bury_runnable(Turns *self, PyObject *item)
{
    return PyList_Append(self->world->graveyard, item);
}

static int
turns_enqueue(Turns *self, PyObject *runnable)
{
    if (!self->alive) {
        return bury_runnable(self, runnable);
    }
    if (ring_push(&self->ready, runnable) < 0) {
        return -1;
    }
    return self->awake ? 0 : agenda_wake(self->world, self);
}

static int
turns_receive(Turns *self, PyObject *posted)
{
    if (!self->alive) {
        return bury_runnable(self, posted);
    }
    if (items_append(&self->received, posted) < 0) {
        return -1;
    }
    return self->awake ? 0 : agenda_wake(self->world, self);
}

static int
turns_timer_due(Turns *self, PyObject *timer)
{
    if (!self->alive) {
        return bury_runnable(self, timer);
    }
    if (items_append(&self->due, timer) < 0) {
        return -1;
    }
    return self->awake ? 0 : agenda_wake(self->world, self);
}

static inline int
has_host_timers(Turns *self)
{
    return self->timers != NULL && PyList_CheckExact(self->timers) && PyList_GET_SIZE(self->timers) > 0;
}

static inline int
has_arrived(Turns *self)
{
    return self->received.count || self->due.count || has_host_timers(self);
}

static int
timer_order(const void *one, const void *other)
{
    PyObject *a = *(PyObject *const *)one, *b = *(PyObject *const *)other;
    int64_t a_ns = slot_ns(a, slot.deadline_ns), b_ns = slot_ns(b, slot.deadline_ns);
    if (a_ns == b_ns) {
        a_ns = slot_ns(a, slot.sequence);
        b_ns = slot_ns(b, slot.sequence);
    }
    return (a_ns > b_ns) - (a_ns < b_ns);
}

static int
ready_from(Turns *self, Items *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (ring_push(&self->ready, list->items[i]) < 0) {
            return -1;
        }
        Py_DECREF(list->items[i]);
    }
    list->count = 0;
    return 0;
}

/* Begin a pass: append received I/O, then due timers, to the ready queue. */
static int
turns_gather(Turns *self)
{
    if (ready_from(self, &self->received) < 0) {
        return -1;
    }
    if (has_host_timers(self)) {
        PyObject *done = PyObject_CallMethodNoArgs((PyObject *)self, name_collect);
        if (done == NULL) {
            return -1;
        }
        Py_DECREF(done);
    }
    if (self->due.count > 1) {
        qsort(self->due.items, self->due.count, sizeof(PyObject *), timer_order);
    }
    for (uint32_t i = 0; i < self->due.count; i++) {
        timer_left_the_queue(self->due.items[i]);
    }
    return ready_from(self, &self->due);
}

/* -- what code asks for */

/* Return a borrowed reference to what stands behind `context=`, NULL without an exception for none, -1 in *bad. */
static PyObject *
context_argument(PyObject *const *args, Py_ssize_t count, PyObject *names, int *bad)
{
    *bad = 0;
    if (names == NULL || PyTuple_GET_SIZE(names) == 0) {
        return NULL;
    }
    PyObject *name = PyTuple_GET_ITEM(names, 0);
    if (PyTuple_GET_SIZE(names) != 1 || PyUnicode_Compare(name, name_context) != 0) {
        PyErr_Format(PyExc_TypeError, "unexpected keyword argument %R", name);
        *bad = -1;
        return NULL;
    }
    PyObject *context = args[count];
    if (context == Py_None) {
        return NULL;
    }
    if (!PyContext_CheckExact(context)) {
        PyErr_Format(PyExc_TypeError, "a context is wanted, not %R", context);
        *bad = -1;
        return NULL;
    }
    return context;
}

static PyObject *
tuple_of(PyObject *const *args, Py_ssize_t count)
{
    if (count == 0) {
        return Py_NewRef(no_arguments);
    }
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    }
    return tuple;
}

static PyObject *
turns_call_soon(Turns *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    int bad;
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "call_soon() needs a callback");
        return NULL;
    }
    if (Py_IS_TYPE(args[0], Task_Type)) { /* its future is done */
        return turns_enqueue(self, args[0]) < 0 ? NULL : Py_NewRef(args[0]);
    }
    PyObject *context = context_argument(args, count, names, &bad);
    PyObject *rest = bad < 0 ? NULL : tuple_of(args + 1, count - 1);
    PyObject *handle = rest == NULL ? NULL : handle_of_type(Handle_Type, self, args[0], rest, context);
    Py_XDECREF(rest);
    if (handle != NULL && turns_enqueue(self, handle) < 0) {
        Py_CLEAR(handle);
    }
    return handle;
}

/* Put a timer where it belongs: into the world's queue, to what is due, or into the heap in host time. */
static int
turns_schedule(Turns *self, PyObject *timer, int64_t deadline_ns, int64_t sequence)
{
    int perfect = clock_is_perfect(self);
    if (perfect < 0) {
        return -1;
    }
    if (!perfect) {
        PyObject *done = PyObject_CallMethodOneArg((PyObject *)self, name_schedule_in_host_time, timer);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    if (deadline_ns <= self->world->now_ns) {
        return turns_timer_due(self, timer);
    }
    return queue_push(&self->world->queue, deadline_ns, sequence, self, timer);
}

static PyObject *
turns_schedule_timer(Turns *self, PyObject *timer)
{
    if (!PyObject_TypeCheck(timer, Timer_Type)) {
        PyErr_Format(PyExc_TypeError, "%R is no timer", timer);
        return NULL;
    }
    int64_t deadline_ns = slot_ns(timer, slot.deadline_ns), sequence = slot_ns(timer, slot.sequence);
    if (PyErr_Occurred() || turns_schedule(self, timer, deadline_ns, sequence) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
set_timer(Turns *self, PyObject *when, int64_t deadline_ns, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    int bad;
    PyObject *context = context_argument(args, count, names, &bad);
    PyObject *rest = bad < 0 ? NULL : tuple_of(args + 2, count - 2);
    if (rest == NULL) {
        return NULL;
    }
    int64_t sequence = ++self->world->sequence;
    PyObject *timer = timer_new(self, when, deadline_ns, sequence, args[1], rest, context);
    Py_DECREF(rest);
    if (timer != NULL && self->alive && deadline_ns < NEVER_NS &&
        turns_schedule(self, timer, deadline_ns, sequence) < 0) {
        Py_CLEAR(timer);
    }
    return timer;
}

static PyObject *
timer_at(Turns *self, PyObject *when, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    double seconds = PyFloat_AsDouble(when);
    int64_t deadline_ns = seconds == -1.0 && PyErr_Occurred() ? -1 : deadline_of(seconds);
    return deadline_ns < 0 ? NULL : set_timer(self, when, deadline_ns, args, count, names);
}

static int
wants_two(Py_ssize_t count, PyObject *first, const char *name)
{
    if (count < 2) {
        PyErr_Format(PyExc_TypeError, "%s and a callback are wanted", name);
    } else if (first == Py_None) {
        PyErr_Format(PyExc_TypeError, "%s must not be None", name);
    } else {
        return 0;
    }
    return -1;
}

static PyObject *
turns_call_at(Turns *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    return wants_two(count, args[0], "when") < 0 ? NULL : timer_at(self, args[0], args, count, names);
}

static PyObject *
turns_call_later(Turns *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *now = wants_two(count, args[0], "delay") < 0 ? NULL : turns_time(self, NULL);
    PyObject *when = now == NULL ? NULL : PyNumber_Add(now, args[0]);
    PyObject *timer = when == NULL ? NULL : timer_at(self, when, args, count, names);
    Py_XDECREF(now);
    Py_XDECREF(when);
    return timer;
}

static PyObject *
turns_call_at_ns(Turns *self, PyObject *const *args, Py_ssize_t count)
{
    if (wants_two(count, args[0], "deadline_ns") < 0) {
        return NULL;
    }
    int64_t deadline_ns = PyLong_AsLongLong(args[0]);
    PyObject *when = deadline_ns == -1 && PyErr_Occurred() ? NULL
                                                           : PyFloat_FromDouble((double)deadline_ns / NANOSECONDS);
    PyObject *timer = when == NULL ? NULL : set_timer(self, when, deadline_ns, args, count, NULL);
    Py_XDECREF(when);
    return timer;
}

static PyObject *
turns_timer_handle_cancelled(Turns *self, PyObject *timer)
{
    PyObject *scheduled = PyObject_TypeCheck(timer, Timer_Type) ? SLOT(timer, slot.scheduled) : NULL;
    if (scheduled == Py_True && agenda_timer_cancelled(self->world) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
turns_create_future(Turns *self, PyObject *unused)
{
    return future_new(self);
}

static PyObject *
turns_get_debug(Turns *self, PyObject *unused)
{
    Py_RETURN_FALSE;
}

static PyObject *task_new(PyTypeObject *, Turns *, PyObject *coro, PyObject *name, PyObject *context);

static PyObject *
made_by_factory(Turns *self, PyObject *coro, PyObject *name, PyObject *context)
{
    PyObject *options = context == NULL ? NULL : Py_BuildValue("{OO}", name_context, context);
    PyObject *args = PyTuple_Pack(2, (PyObject *)self, coro), *task = NULL;
    if (args != NULL && (context == NULL || options != NULL)) {
        task = PyObject_Call(self->task_factory, args, options);
    }
    Py_XDECREF(args);
    Py_XDECREF(options);
    if (task != NULL && name != NULL) {
        PyObject *done = PyObject_CallMethod(task, "set_name", "O", name);
        if (done == NULL) {
            Py_CLEAR(task);
        }
        Py_XDECREF(done);
    }
    return task;
}

static PyObject *
turns_create_task(Turns *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *coro = count > 0 ? args[0] : NULL, *name = NULL, *context = NULL;
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *key = PyTuple_GET_ITEM(names, i), *value = args[count + i];
        if (PyUnicode_Compare(key, name_name) == 0) {
            name = value == Py_None ? NULL : value;
        } else if (PyUnicode_Compare(key, name_context) == 0) {
            context = value == Py_None ? NULL : value;
        } else if (count == 0 && PyUnicode_CompareWithASCIIString(key, "coro") == 0) {
            coro = value;
        } else {
            return PyErr_Format(PyExc_TypeError, "create_task() got an unexpected keyword argument %R", key);
        }
    }
    if (coro == NULL || count > 1) {
        PyErr_SetString(PyExc_TypeError, "create_task() takes one coroutine, and name= and context=");
        return NULL;
    }
    if (self->task_factory != NULL && self->task_factory != Py_None) {
        return made_by_factory(self, coro, name, context);
    }
    return task_new(Task_Type, self, coro, name, context);
}

static PyObject *
turns_enqueue_method(Turns *self, PyObject *runnable)
{
    return turns_enqueue(self, runnable) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
turns_timer_due_method(Turns *self, PyObject *timer)
{
    if (!PyObject_TypeCheck(timer, Timer_Type)) {
        return PyErr_Format(PyExc_TypeError, "%R is no timer", timer);
    }
    return turns_timer_due(self, timer) < 0 ? NULL : Py_NewRef(Py_None);
}

/* -- the rest of the object */

static PyObject *
turns_context(Turns *self)
{
    if (self->context == NULL) {
        self->context = PyContext_New();
    }
    return self->context;
}

static PyObject *
turns_get_context(Turns *self, void *unused)
{
    return Py_XNewRef(turns_context(self));
}

static PyObject *
turns_get_tasks(Turns *self, void *unused)
{
    PyObject *tasks = PyDict_New();
    for (Task *task = self->first_task; tasks != NULL && task != NULL; task = task->next) {
        PyObject *number = PyLong_FromLongLong(task->number);
        if (number == NULL || PyDict_SetItem(tasks, number, (PyObject *)task) < 0) {
            Py_CLEAR(tasks);
        }
        Py_XDECREF(number);
    }
    return tasks;
}

/* What is ready for the next pass, for tests that put something in front of it. */
static PyObject *
turns_get_ready(Turns *self, void *unused)
{
    uint32_t from = self->pass_left < self->ready.count ? self->pass_left : self->ready.count;
    PyObject *list = PyList_New(self->ready.count - from);
    for (uint32_t i = from; list != NULL && i < self->ready.count; i++) {
        PyList_SET_ITEM(list, i - from, Py_NewRef(ring_item(&self->ready, i)));
    }
    return list;
}

static int
turns_set_ready(Turns *self, PyObject *value, void *unused)
{
    PyObject *list = value == NULL || value == Py_None ? PyList_New(0) : PySequence_List(value);
    if (list == NULL) {
        return -1;
    }
    while (self->ready.count > self->pass_left) {
        self->ready.count--;
        Py_DECREF(ring_item(&self->ready, self->ready.count));
    }
    int done = 0;
    for (Py_ssize_t i = 0; done == 0 && i < PyList_GET_SIZE(list); i++) {
        done = ring_push(&self->ready, PyList_GET_ITEM(list, i));
    }
    Py_DECREF(list);
    return done;
}

static PyObject *
turns_has_work(Turns *self, PyObject *unused)
{
    return PyBool_FromLong(self->ready.count || has_arrived(self));
}

/* Return what the loop still had to do, and forget it: the host is dead. */
static PyObject *
turns_surrender(Turns *self, PyObject *unused)
{
    self->pass_left = 0;
    PyObject *timers = Py_NewRef(self->timers == NULL ? Py_None : self->timers);
    Py_CLEAR(self->timers);
    return Py_BuildValue("(NNNN)", ring_taken(&self->ready), items_taken(&self->received), items_taken(&self->due),
                         timers);
}

static int
turns_init(Turns *self, PyObject *args, PyObject *options)
{
    static char *keywords[] = {"world", "name", "index", NULL};
    PyObject *world, *name;
    long long index;
    if (!PyArg_ParseTupleAndKeywords(args, options, "O!UL", keywords, &Agenda_Type, &world, &name, &index)) {
        return -1;
    }
    Py_XSETREF(self->world, (Agenda *)Py_NewRef(world));
    Py_XSETREF(self->name, Py_NewRef(name));
    self->index = index;
    self->alive = 1;
    self->instant = -1;
    return 0;
}

static int
turns_traverse(Turns *self, visitproc visit, void *arg)
{
    Py_VISIT(self->world);
    Py_VISIT(self->name);
    Py_VISIT(self->clock);
    Py_VISIT(self->context);
    Py_VISIT(self->timers);
    Py_VISIT(self->host);
    Py_VISIT(self->stack);
    Py_VISIT(self->task_factory);
    Py_VISIT(self->exception_handler);
    for (Task *task = self->first_task; task != NULL; task = task->next) {
        Py_VISIT(task);
    }
    for (uint32_t i = 0; i < self->ready.count; i++) {
        Py_VISIT(ring_item(&self->ready, i));
    }
    for (uint32_t i = 0; i < self->received.count; i++) {
        Py_VISIT(self->received.items[i]);
    }
    for (uint32_t i = 0; i < self->due.count; i++) {
        Py_VISIT(self->due.items[i]);
    }
    return 0;
}

static int
turns_clear(Turns *self)
{
    while (self->first_task != NULL) {
        Task *task = self->first_task;
        self->first_task = task->next;
        task->listed = 0;
        task->previous = task->next = NULL;
        Py_DECREF(task);
    }
    self->last_task = NULL;
    self->pass_left = 0;
    while (self->ready.count) {
        Py_DECREF(ring_pop(&self->ready));
    }
    while (self->received.count) {
        Py_DECREF(self->received.items[--self->received.count]);
    }
    while (self->due.count) {
        Py_DECREF(self->due.items[--self->due.count]);
    }
    Py_CLEAR(self->clock);
    Py_CLEAR(self->context);
    Py_CLEAR(self->timers);
    Py_CLEAR(self->host);
    Py_CLEAR(self->stack);
    Py_CLEAR(self->task_factory);
    Py_CLEAR(self->exception_handler);
    return 0;
}

static void
turns_dealloc(Turns *self)
{
    PyObject_GC_UnTrack(self);
    turns_clear(self);
    PyMem_Free(self->ready.items);
    PyMem_Free(self->received.items);
    PyMem_Free(self->due.items);
    Py_CLEAR(self->name);
    Py_CLEAR(self->world); /* last: every method takes it that there is one */
    Py_TYPE(self)->tp_free((PyObject *)self);
}

#define QUICK(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef turns_methods[] = {
    {"time", (PyCFunction)turns_time, METH_NOARGS, "Return the host's monotonic time in seconds."},
    {"_host_ns", (PyCFunction)turns_host_ns, METH_NOARGS, "Return the host's monotonic time in nanoseconds."},
    {"get_debug", (PyCFunction)turns_get_debug, METH_NOARGS, "Return False."},
    {"call_soon", QUICK(turns_call_soon), METH_FASTCALL | METH_KEYWORDS, "As asyncio has it."},
    {"call_soon_threadsafe", QUICK(turns_call_soon), METH_FASTCALL | METH_KEYWORDS, "As asyncio has it."},
    {"call_later", QUICK(turns_call_later), METH_FASTCALL | METH_KEYWORDS, "As asyncio has it."},
    {"call_at", QUICK(turns_call_at), METH_FASTCALL | METH_KEYWORDS, "As asyncio has it."},
    {"call_at_ns", QUICK(turns_call_at_ns), METH_FASTCALL, "Like `call_at`, in nanoseconds of the host's time."},
    {"create_future", (PyCFunction)turns_create_future, METH_NOARGS, "As asyncio has it."},
    {"create_task", QUICK(turns_create_task), METH_FASTCALL | METH_KEYWORDS, "As asyncio has it."},
    {"_timer_handle_cancelled", (PyCFunction)turns_timer_handle_cancelled, METH_O, "As asyncio has it."},
    {"_schedule", (PyCFunction)turns_schedule_timer, METH_O, "Put a timer where it belongs."},
    {"enqueue", (PyCFunction)turns_enqueue_method, METH_O, "Append a handle or a task to the ready queue."},
    {"timer_due", (PyCFunction)turns_timer_due_method, METH_O, "Keep a timer that fell due for the next pass."},
    {"has_work", (PyCFunction)turns_has_work, METH_NOARGS, "Return whether there is something to do now."},
    {"surrender", (PyCFunction)turns_surrender, METH_NOARGS, "Return what there was to do, and forget it."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef turns_members[] = {
    {"world", T_OBJECT, offsetof(Turns, world), READONLY, NULL},
    {"name", T_OBJECT, offsetof(Turns, name), 0, NULL},
    {"index", T_LONGLONG, offsetof(Turns, index), 0, NULL},
    {"clock", T_OBJECT, offsetof(Turns, clock), 0, NULL},
    {"host", T_OBJECT, offsetof(Turns, host), 0, NULL},
    {"stack", T_OBJECT, offsetof(Turns, stack), 0, NULL},
    {"alive", T_BOOL, offsetof(Turns, alive), 0, NULL},
    {"frozen", T_BOOL, offsetof(Turns, frozen), 0, NULL},
    {"halted", T_BOOL, offsetof(Turns, halted), 0, NULL},
    {"awake", T_BOOL, offsetof(Turns, awake), 0, NULL},
    {"_timers", T_OBJECT, offsetof(Turns, timers), 0, NULL},
    {"_task_factory", T_OBJECT, offsetof(Turns, task_factory), 0, NULL},
    {"_exception_handler", T_OBJECT, offsetof(Turns, exception_handler), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef turns_getset[] = {
    {"context", (getter)turns_get_context, NULL, "What the host's received I/O runs in.", NULL},
    {"tasks", (getter)turns_get_tasks, NULL, "Every unfinished task by its number.", NULL},
    {"_ready", (getter)turns_get_ready, (setter)turns_set_ready, "What is ready for the next pass.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject Turns_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Turns",
    .tp_basicsize = sizeof(Turns),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "What a loop has to do in its turns; see simkit.kernel.turns.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)turns_init,
    .tp_dealloc = (destructor)turns_dealloc,
    .tp_traverse = (traverseproc)turns_traverse,
    .tp_clear = (inquiry)turns_clear,
    .tp_methods = turns_methods,
    .tp_members = turns_members,
    .tp_getset = turns_getset,
};
