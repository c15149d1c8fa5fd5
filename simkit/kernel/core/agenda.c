/* The world's agenda: virtual time, and the one place where callbacks are called.
 *
 * Twin of `simkit/kernel/agenda.py`, which is the rule of `simkit/kernel/order.py` made quick; every function here has the
 * name of the method there. Steps are counted alike, so that limits and collections come at the same step.
 *
 * It deliberately asks Python for what is rare: a limit that is reached, a collection, errors with words in them.
 */

static PyObject *set_unless_done;
static PyObject *name_pause, *name_run_dry, *name_livelock, *name_endless, *name_compact;

#define CONTROL (-1)
#define SWEEP_FROM 256

/* -- the order of hosts within a round */

static inline uint64_t
little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* XXH3 with a seed, of sixteen bytes: the instant and the host, as `turn_hash` packs them. */
static uint64_t
turn_hash(uint64_t key, int64_t time_ns, int64_t host)
{
    static const unsigned char secret[32] = {
        0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78,
        0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e,
    }; /* bytes 24 to 55 of XXH3's default secret */
    uint64_t low = (uint64_t)time_ns ^ ((little_endian(secret) ^ little_endian(secret + 8)) + key);
    uint64_t high = (uint64_t)host ^ ((little_endian(secret + 16) ^ little_endian(secret + 24)) - key);
    unsigned __int128 product = (unsigned __int128)low * high;
    uint64_t hash = 16 + __builtin_bswap64(low) + high + ((uint64_t)product ^ (uint64_t)(product >> 64));
    hash ^= hash >> 37;
    hash *= UINT64_C(0x165667919E3779F9);
    return hash ^ hash >> 32;
}

typedef struct {
    uint64_t place;
    Py_ssize_t number; /* in the order in which they woke */
    Turns *loop;
} Waiting;

static int
waiting_order(const void *one, const void *other)
{
    const Waiting *a = one, *b = other;
    int a_first = a->loop->index == CONTROL, b_first = b->loop->index == CONTROL;
    if (a_first != b_first) {
        return b_first - a_first;
    }
    if (!a_first && a->place != b->place) {
        return a->place > b->place ? 1 : -1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

/* -- the queue */

static int
is_stale(const Entry *entry)
{
    PyObject *item = entry->item;
    if (PyObject_TypeCheck(item, Task_Type)) {
        return ((Task *)item)->sleep_sequence != entry->sequence;
    }
    return Py_IS_TYPE(item, &Posted_Type) ? ((Posted *)item)->cancelled : handle_is_cancelled(item);
}

/* Count a cancelled timer, and sweep the queue when half of it is cancelled. */
static int
agenda_timer_cancelled(Agenda *self)
{
    self->cancelled++;
    if (self->cancelled <= SWEEP_FROM || self->cancelled * 2 <= self->queue.count) {
        return 0;
    }
    Queue *queue = &self->queue;
    PyObject **dropped = PyMem_New(PyObject *, queue->count);
    if (dropped == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t kept = 0, count = 0;
    for (Py_ssize_t i = 0; i < queue->count; i++) {
        if (is_stale(&queue->entries[i])) {
            dropped[count++] = queue->entries[i].item;
        } else {
            queue->entries[kept++] = queue->entries[i];
        }
    }
    queue->count = kept;
    queue_order(queue);
    self->cancelled = 0;
    while (count) { /* what this runs finds the queue in order */
        Py_DECREF(dropped[--count]);
    }
    PyMem_Free(dropped);
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)self, name_compact);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Make of a task in the world's queue what the stock sleep would have made: a timer with a future. */
static PyObject *
as_timer(Turns *loop, Task *task, int64_t due_ns, int64_t sequence)
{
    Future *future = task_await_future(task);
    PyObject *args = future == NULL ? NULL : PyTuple_Pack(1, (PyObject *)future);
    PyObject *when = args == NULL ? NULL : PyFloat_FromDouble((double)due_ns / NANOSECONDS);
    PyObject *timer = when == NULL ? NULL
                                   : timer_new(loop, when, due_ns, sequence, set_unless_done, args, task->context);
    Py_XDECREF(args);
    Py_XDECREF(when);
    return timer;
}

/* Remove and return the queued timers of one loop. */
static PyObject *
agenda_take_timers(Agenda *self, PyObject *loop)
{
    PyObject *timers = PyList_New(0);
    Queue *queue = &self->queue;
    Entry *taken = PyMem_New(Entry, queue->count + 1);
    if (timers == NULL || taken == NULL) {
        Py_XDECREF(timers);
        PyMem_Free(taken);
        return PyErr_NoMemory();
    }
    Py_ssize_t kept = 0, count = 0;
    for (Py_ssize_t i = 0; i < queue->count; i++) {
        Entry entry = queue->entries[i];
        if ((PyObject *)entry.loop != loop || Py_IS_TYPE(entry.item, &Posted_Type)) {
            queue->entries[kept++] = entry;
        } else {
            taken[count++] = entry;
        }
    }
    queue->count = kept;
    queue_order(queue);
    int failed = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Entry entry = taken[i];
        PyObject *timer = NULL;
        if (!PyObject_TypeCheck(entry.item, Task_Type)) {
            timer = Py_NewRef(entry.item);
        } else if (!is_stale(&entry)) {
            timer = as_timer(entry.loop, (Task *)entry.item, entry.time_ns, entry.sequence);
            failed |= timer == NULL;
        }
        if (timer != NULL && PyList_Append(timers, timer) < 0) {
            failed = 1;
        }
        Py_XDECREF(timer);
        Py_DECREF(entry.item);
    }
    PyMem_Free(taken);
    if (failed) {
        Py_CLEAR(timers);
    }
    return timers;
}

/* -- what loops use */

static int
agenda_wake(Agenda *self, Turns *loop)
{
    if (loop->halted) {
        return 0;
    }
    if (self->waiting_count == self->waiting_room) {
        Py_ssize_t room = self->waiting_room ? self->waiting_room * 2 : 16;
        Turns **waiting = PyMem_Resize(self->waiting, Turns *, room);
        if (waiting == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->waiting = waiting;
        self->waiting_room = room;
    }
    loop->awake = 1;
    self->waiting[self->waiting_count++] = (Turns *)Py_NewRef(loop);
    return 0;
}

static PyObject *
agenda_wake_method(Agenda *self, PyObject *loop)
{
    if (!Turns_Check(loop)) {
        return PyErr_Format(PyExc_TypeError, "%R is no loop", loop);
    }
    return agenda_wake(self, (Turns *)loop) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Take a loop out of the next round; the round under way keeps it. */
static PyObject *
agenda_rest(Agenda *self, PyObject *loop)
{
    for (Py_ssize_t i = 0; i < self->waiting_count; i++) {
        if ((PyObject *)self->waiting[i] == loop) {
            self->waiting_count--;
            memmove(&self->waiting[i], &self->waiting[i + 1], (self->waiting_count - i) * sizeof(Turns *));
            ((Turns *)loop)->awake = 0;
            Py_DECREF(loop);
            break;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
agenda_post(Agenda *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 3 || !Turns_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "post() takes a time in nanoseconds, a loop, a callback and its arguments");
        return NULL;
    }
    int64_t time_ns = PyLong_AsLongLong(args[0]);
    if (time_ns == -1 && PyErr_Occurred()) {
        return NULL;
    }
    Turns *loop = (Turns *)args[1];
    Posted *posted = posted_new(loop, args[2], args + 3, count - 3);
    if (posted == NULL || !loop->alive) {
        return (PyObject *)posted; /* what is sent to the dead vanishes; only what was under way must be kept */
    }
    int done;
    if (time_ns > self->now_ns) {
        posted->scheduled = 1;
        done = queue_push(&self->queue, time_ns, ++self->sequence, loop, (PyObject *)posted);
    } else if (time_ns < self->now_ns) {
        PyErr_Format(PyExc_ValueError, "%lld ns is in the past: it is %lld ns", (long long)time_ns,
                     (long long)self->now_ns);
        done = -1;
    } else {
        done = turns_receive(loop, (PyObject *)posted);
    }
    if (done < 0) {
        Py_CLEAR(posted);
    }
    return (PyObject *)posted;
}

/* -- one instant */

static int
run_item(PyObject *item)
{
    if (Py_IS_TYPE(item, Task_Type)) {
        return task_step((Task *)item);
    }
    if (Py_IS_TYPE(item, &Posted_Type)) {
        return ((Posted *)item)->cancelled ? 0 : posted_run((Posted *)item);
    }
    if (Py_IS_TYPE(item, Timer_Type) || Py_IS_TYPE(item, Handle_Type)) {
        return handle_is_cancelled(item) ? 0 : handle_run(item);
    }
    if (PyObject_TypeCheck(item, Task_Type)) {
        return task_step((Task *)item);
    }
    PyObject *cancelled = PyObject_GetAttrString(item, "_cancelled");
    int is_cancelled = cancelled == NULL ? -1 : PyObject_IsTrue(cancelled);
    Py_XDECREF(cancelled);
    if (is_cancelled != 0) {
        return is_cancelled < 0 ? -1 : 0;
    }
    PyObject *done = PyObject_CallMethod(item, "_run", NULL);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int
pause_now(Agenda *self)
{
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)self, name_pause);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int
hand_out(Agenda *self, int64_t sequence, Turns *loop, PyObject *item)
{
    if (PyObject_TypeCheck(item, Task_Type)) {
        Task *task = (Task *)item;
        if (task->sleep_sequence != sequence || !loop->alive) {
            return 0;
        }
        PyObject *timer = as_timer(loop, task, self->now_ns, sequence);
        int done = timer == NULL ? -1 : turns_timer_due(loop, timer);
        Py_XDECREF(timer);
        return done;
    }
    if (Py_IS_TYPE(item, &Posted_Type)) {
        Posted *posted = (Posted *)item;
        if (posted->cancelled) {
            return 0;
        }
        posted->scheduled = 0;
        return turns_receive(loop, item);
    }
    return handle_is_cancelled(item) ? 0 : turns_timer_due(loop, item);
}

static int
run_pass(Turns *loop, uint32_t count)
{
    int done = 0;
    loop->pass_left = count;
    while (loop->pass_left && done == 0) {
        PyObject *item = ring_pop(&loop->ready);
        loop->pass_left--;
        done = run_item(item);
        Py_DECREF(item);
        if (loop->halted) { /* by what it just did */
            break;
        }
    }
    loop->pass_left = 0;
    return done;
}

static int
livelock(Agenda *self, Turns *loop, int64_t steps)
{
    PyObject *first = loop->ready.count ? ring_item(&loop->ready, 0) : Py_None;
    PyObject *count = PyLong_FromLongLong(steps);
    PyObject *done = count == NULL ? NULL
                                   : PyObject_CallMethodObjArgs((PyObject *)self, name_livelock, loop, count, first,
                                                                NULL);
    Py_XDECREF(count);
    Py_XDECREF(done);
    return -1;
}

/* Run passes of one loop until it has nothing left to do in this instant; `taken` steps are behind it. */
static int
take_turn(Agenda *self, Turns *loop, int64_t taken)
{
    if (give_turn(self, loop) < 0) {
        return -1;
    }
    int64_t before = loop->instant == self->instant ? loop->instant_steps : 0, steps = before + taken;
    while (!loop->halted) {
        if (has_arrived(loop) && turns_gather(loop) < 0) {
            return -1;
        }
        uint32_t count = loop->ready.count;
        if (count == 0) {
            break;
        }
        steps += count;
        if (steps > self->steps_per_instant) {
            return livelock(self, loop, steps);
        }
        if (run_pass(loop, count) < 0) {
            return -1;
        }
    }
    loop->instant = self->instant;
    loop->instant_steps = steps;
    self->steps += steps - before;
    loop->awake = 0;
    return self->steps >= self->pause_at ? pause_now(self) : 0;
}

static int
take_round(Agenda *self)
{
    if (self->waiting_count == 1) {
        Turns *loop = self->waiting[0];
        self->waiting_count = 0;
        int done = take_turn(self, loop, 0);
        Py_DECREF(loop);
        return done;
    }
    Py_ssize_t count = self->waiting_count;
    Waiting *batch = PyMem_New(Waiting, count);
    if (batch == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Turns *loop = self->waiting[i];
        batch[i] = (Waiting){turn_hash(self->schedule_key, self->now_ns, loop->index), i, loop};
    }
    self->waiting_count = 0;
    qsort(batch, count, sizeof(Waiting), waiting_order);
    int done = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (done == 0) {
            done = take_turn(self, batch[i].loop, 0);
        }
        Py_DECREF(batch[i].loop);
    }
    PyMem_Free(batch);
    return done;
}

/* Let hosts take turns until nobody has anything left to do. */
static int
drain_instant(Agenda *self)
{
    int64_t rounds = 0;
    while (self->waiting_count) {
        PyObject *names = NULL;
        if (rounds >= self->rounds_per_instant) { /* this is the last one */
            names = PySet_New(NULL);
            for (Py_ssize_t i = 0; names != NULL && i < self->waiting_count; i++) {
                PySet_Add(names, self->waiting[i]->name);
            }
        }
        int done = take_round(self);
        rounds++;
        if (names != NULL && done == 0) {
            PyObject *said = PyObject_CallMethodOneArg((PyObject *)self, name_endless, names);
            done = said == NULL ? -1 : 0;
            Py_XDECREF(said);
        }
        Py_XDECREF(names);
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

/* Take note that something has left the queue; return whether it is still to happen. */
static int
is_wanted(PyObject *item, int64_t sequence)
{
    if (Py_IS_TYPE(item, &Posted_Type)) {
        ((Posted *)item)->scheduled = 0;
        return !((Posted *)item)->cancelled;
    }
    if (PyObject_TypeCheck(item, Task_Type)) {
        Task *task = (Task *)item;
        if (task->sleep_sequence != sequence) {
            return 0;
        }
        task->sleep_sequence = 0;
        return 1;
    }
    timer_left_the_queue(item);
    return !handle_is_cancelled(item);
}

/* Run the one thing of an instant, and drop it; the first pass of its loop's turn would find nothing else. */
static int
run_alone(Agenda *self, Turns *loop, PyObject *item)
{
    loop->awake = 1;
    int done = give_turn(self, loop) < 0 ? -1 : run_item(item);
    Py_DECREF(item); /* before anything else happens: the last reference to a failed task tells of it */
    if (done < 0) {
        return -1;
    }
    if (loop->ready.count || loop->received.count || loop->due.count) {
        self->instant++;
        return take_turn(self, loop, 1) < 0 ? -1 : drain_instant(self);
    }
    loop->awake = 0;
    self->steps++;
    return self->steps >= self->pause_at ? pause_now(self) : 0;
}

/* Move to the next instant, and hand out what is queued for it, or run it if it is a single thing. */
static int
advance(Agenda *self)
{
    Entry entry = queue_pop(&self->queue);
    self->now_ns = entry.time_ns;
    Turns *loop = (Turns *)Py_NewRef(entry.loop);
    int done;
    if (loop->halted || has_host_timers(loop) ||
        (self->queue.count && self->queue.entries[0].time_ns == entry.time_ns)) {
        done = hand_out(self, entry.sequence, loop, entry.item);
        Py_DECREF(entry.item);
        while (done == 0 && self->queue.count && self->queue.entries[0].time_ns == self->now_ns) {
            entry = queue_pop(&self->queue);
            done = hand_out(self, entry.sequence, entry.loop, entry.item);
            Py_DECREF(entry.item);
        }
    } else {
        done = is_wanted(entry.item, entry.sequence) ? run_alone(self, loop, entry.item) : (Py_DECREF(entry.item), 0);
    }
    Py_DECREF(loop);
    return done;
}

static int
go(Agenda *self, int64_t until_ns)
{
    while (!self->stopping) {
        if (self->waiting_count == 0) {
            if (self->queue.count == 0) {
                PyObject *done = PyObject_CallMethodNoArgs((PyObject *)self, name_run_dry);
                if (done == NULL) {
                    return -1;
                }
                Py_DECREF(done);
            }
            if (self->queue.count == 0 || self->queue.entries[0].time_ns > until_ns) {
                self->now_ns = self->now_ns > until_ns ? self->now_ns : until_ns;
                break;
            }
            if (advance(self) < 0) {
                return -1;
            }
        }
        if (self->waiting_count) {
            self->instant++;
            if (drain_instant(self) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static PyObject *
agenda_go(Agenda *self, PyObject *until)
{
    int64_t until_ns = PyLong_AsLongLong(until);
    if (until_ns == -1 && PyErr_Occurred()) {
        return NULL;
    }
    Task *outer = current_task;
    current_task = NULL;
    Py_CLEAR(self->turning);
    forget_running_loop();
    int done = go(self, until_ns);
    current_task = outer;
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

/* -- the rest of the object */

static PyObject *
agenda_stop(Agenda *self, PyObject *unused)
{
    self->stopping = 1;
    Py_RETURN_NONE;
}

static PyObject *
agenda_next_sequence(Agenda *self, PyObject *unused)
{
    return PyLong_FromLongLong(++self->sequence);
}

static PyObject *
agenda_next_serial(Agenda *self, PyObject *unused)
{
    return PyLong_FromLongLong(++self->serial);
}

static PyObject *
agenda_timer_cancelled_method(Agenda *self, PyObject *unused)
{
    return agenda_timer_cancelled(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
agenda_no_turn(Agenda *self, PyObject *unused)
{
    Py_CLEAR(self->turning);
    forget_running_loop();
    Py_RETURN_NONE;
}

static PyObject *
agenda_get_queue(Agenda *self, void *unused)
{
    PyObject *list = PyList_New(self->queue.count);
    for (Py_ssize_t i = 0; list != NULL && i < self->queue.count; i++) {
        Entry entry = self->queue.entries[i];
        PyObject *row = Py_BuildValue("(LLOO)", (long long)entry.time_ns, (long long)entry.sequence, entry.loop,
                                      entry.item);
        if (row == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, i, row);
    }
    return list;
}

static void
forget_waiting(Agenda *self)
{
    while (self->waiting_count) {
        Py_DECREF(self->waiting[--self->waiting_count]);
    }
}

/* Return what is still to come, and forget it. */
static PyObject *
agenda_surrender(Agenda *self, PyObject *unused)
{
    PyObject *list = agenda_get_queue(self, NULL);
    if (list != NULL) {
        queue_clear(&self->queue);
        forget_waiting(self);
    }
    return list;
}

static int
agenda_init(Agenda *self, PyObject *args, PyObject *options)
{
    static char *keywords[] = {"schedule_key", "steps_per_instant", "rounds_per_instant", NULL};
    unsigned long long key;
    long long steps, rounds;
    if (!PyArg_ParseTupleAndKeywords(args, options, "KLL", keywords, &key, &steps, &rounds)) {
        return -1;
    }
    PyObject *graveyard = PyList_New(0);
    if (graveyard == NULL) {
        return -1;
    }
    Py_XSETREF(self->graveyard, graveyard);
    self->schedule_key = key;
    self->steps_per_instant = steps;
    self->rounds_per_instant = rounds;
    return 0;
}

static int
agenda_traverse(Agenda *self, visitproc visit, void *arg)
{
    Py_VISIT(self->graveyard);
    Py_VISIT(self->turning);
    for (Py_ssize_t i = 0; i < self->queue.count; i++) {
        Py_VISIT(self->queue.entries[i].item);
    }
    for (Py_ssize_t i = 0; i < self->waiting_count; i++) {
        Py_VISIT(self->waiting[i]);
    }
    return 0;
}

static int
agenda_clear(Agenda *self)
{
    queue_clear(&self->queue);
    forget_waiting(self);
    Py_CLEAR(self->turning);
    Py_CLEAR(self->graveyard);
    return 0;
}

static void
agenda_dealloc(Agenda *self)
{
    PyObject_GC_UnTrack(self);
    agenda_clear(self);
    PyMem_Free(self->waiting);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef agenda_methods[] = {
    {"post", QUICK(agenda_post), METH_FASTCALL, "Let the host of `loop` receive something at `time_ns`."},
    {"stop", (PyCFunction)agenda_stop, METH_NOARGS, "Let `run` return after the current instant."},
    {"wake", (PyCFunction)agenda_wake_method, METH_O, "Let `loop` take a turn in the next round of this instant."},
    {"rest", (PyCFunction)agenda_rest, METH_O, "Take `loop` out of the next round."},
    {"next_sequence", (PyCFunction)agenda_next_sequence, METH_NOARGS, "Return the next number of timers and posts."},
    {"next_serial", (PyCFunction)agenda_next_serial, METH_NOARGS, "Return the next hash of a future."},
    {"timer_cancelled", (PyCFunction)agenda_timer_cancelled_method, METH_NOARGS, "Count a cancelled timer."},
    {"take_timers", (PyCFunction)agenda_take_timers, METH_O, "Remove and return the queued timers of one loop."},
    {"go", (PyCFunction)agenda_go, METH_O, "Run every instant up to and including one, in nanoseconds."},
    {"no_turn", (PyCFunction)agenda_no_turn, METH_NOARGS, "Forget whose turn it is."},
    {"surrender", (PyCFunction)agenda_surrender, METH_NOARGS, "Return what is still to come, and forget it."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef agenda_members[] = {
    {"now_ns", T_LONGLONG, offsetof(Agenda, now_ns), 0, NULL},
    {"sequence", T_LONGLONG, offsetof(Agenda, sequence), 0, NULL},
    {"task_number", T_LONGLONG, offsetof(Agenda, task_number), 0, NULL},
    {"steps", T_LONGLONG, offsetof(Agenda, steps), 0, NULL},
    {"pause_at", T_LONGLONG, offsetof(Agenda, pause_at), 0, NULL},
    {"stopping", T_BOOL, offsetof(Agenda, stopping), 0, NULL},
    {"graveyard", T_OBJECT, offsetof(Agenda, graveyard), READONLY, NULL},
    {"_cancelled", T_LONGLONG, offsetof(Agenda, cancelled), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef agenda_getset[] = {
    {"queue", (getter)agenda_get_queue, NULL, "A copy of the queue, in no order: (ns, sequence, loop, item).", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject Agenda_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Agenda",
    .tp_basicsize = sizeof(Agenda),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Virtual time and the queue of a world; see simkit.kernel.agenda.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)agenda_init,
    .tp_dealloc = (destructor)agenda_dealloc,
    .tp_traverse = (traverseproc)agenda_traverse,
    .tp_clear = (inquiry)agenda_clear,
    .tp_methods = agenda_methods,
    .tp_members = agenda_members,
    .tp_getset = agenda_getset,
};
