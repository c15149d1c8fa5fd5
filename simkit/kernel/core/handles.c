/* Handles, timers and what a host receives.
 *
 * Twin of `simkit/kernel/handles.py`. Handles and timers are Python's own classes, whose slots are filled and read here
 * by their place in the object; `Posted` is a type of its own, because there is one for every message.
 *
 * It deliberately decides nothing about order.
 */

static PyTypeObject *Handle_Type, *Timer_Type;
static PyObject *handle_failed, *receiving_failed; /* tell of an exception, in Python */

static struct {
    Py_ssize_t callback, args, context, loop, cancelled, repr, source_traceback;
    Py_ssize_t when, scheduled, deadline_ns, sequence;
} slot;

#define SLOT(object, place) (*(PyObject **)((char *)(object) + (place)))

static int
find_slot(PyTypeObject *type, const char *name, Py_ssize_t *place)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (found == NULL) {
        return -1;
    }
    int fits = Py_IS_TYPE(found, &PyMemberDescr_Type) &&
               ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX;
    if (fits) {
        *place = ((PyMemberDescrObject *)found)->d_member->offset;
    } else {
        PyErr_Format(PyExc_ImportError, "%s.%s is no slot", type->tp_name, name);
    }
    Py_DECREF(found);
    return fits ? 0 : -1;
}

static int
find_slots(void)
{
    return find_slot(Handle_Type, "_callback", &slot.callback) < 0 || find_slot(Handle_Type, "_args", &slot.args) < 0 ||
                   find_slot(Handle_Type, "_context", &slot.context) < 0 ||
                   find_slot(Handle_Type, "_loop", &slot.loop) < 0 ||
                   find_slot(Handle_Type, "_cancelled", &slot.cancelled) < 0 ||
                   find_slot(Handle_Type, "_repr", &slot.repr) < 0 ||
                   find_slot(Handle_Type, "_source_traceback", &slot.source_traceback) < 0 ||
                   find_slot(Timer_Type, "_when", &slot.when) < 0 ||
                   find_slot(Timer_Type, "_scheduled", &slot.scheduled) < 0 ||
                   find_slot(Timer_Type, "deadline_ns", &slot.deadline_ns) < 0 ||
                   find_slot(Timer_Type, "sequence", &slot.sequence) < 0
               ? -1
               : 0;
}

/* Return a new handle; `args` is a tuple, `context` NULL for a copy of the current one. */
static PyObject *
handle_of_type(PyTypeObject *type, Turns *loop, PyObject *callback, PyObject *args, PyObject *context)
{
    PyObject *own = context == NULL ? PyContext_CopyCurrent() : Py_NewRef(context);
    PyObject *handle = own == NULL ? NULL : type->tp_alloc(type, 0);
    if (handle == NULL) {
        Py_XDECREF(own);
        return NULL;
    }
    SLOT(handle, slot.context) = own;
    SLOT(handle, slot.callback) = Py_NewRef(callback);
    SLOT(handle, slot.args) = Py_NewRef(args);
    SLOT(handle, slot.loop) = Py_NewRef(loop);
    SLOT(handle, slot.cancelled) = Py_NewRef(Py_False);
    SLOT(handle, slot.repr) = Py_NewRef(Py_None);
    SLOT(handle, slot.source_traceback) = Py_NewRef(Py_None);
    return handle;
}

static PyObject *
timer_new(Turns *loop, PyObject *when, int64_t deadline_ns, int64_t sequence, PyObject *callback, PyObject *args,
          PyObject *context)
{
    PyObject *timer = handle_of_type(Timer_Type, loop, callback, args, context);
    if (timer == NULL) {
        return NULL;
    }
    SLOT(timer, slot.when) = Py_NewRef(when);
    SLOT(timer, slot.scheduled) = Py_NewRef(Py_True);
    SLOT(timer, slot.deadline_ns) = PyLong_FromLongLong(deadline_ns);
    SLOT(timer, slot.sequence) = PyLong_FromLongLong(sequence);
    if (SLOT(timer, slot.deadline_ns) == NULL || SLOT(timer, slot.sequence) == NULL) {
        Py_CLEAR(timer);
    }
    return timer;
}

static inline int64_t
slot_ns(PyObject *timer, Py_ssize_t place)
{
    PyObject *value = SLOT(timer, place);
    return value == NULL ? -1 : PyLong_AsLongLong(value);
}

static inline int
handle_is_cancelled(PyObject *handle)
{
    PyObject *cancelled = SLOT(handle, slot.cancelled);
    return cancelled != NULL && cancelled != Py_False && PyObject_IsTrue(cancelled) == 1;
}

static inline void
timer_left_the_queue(PyObject *timer)
{
    Py_XSETREF(SLOT(timer, slot.scheduled), Py_NewRef(Py_False));
}

/* Call in a context. */
static PyObject *
call_in(PyObject *context, PyObject *callback, PyObject *const *args, Py_ssize_t count)
{
    if (PyContext_Enter(context) < 0) {
        return NULL;
    }
    PyObject *result = PyObject_Vectorcall(callback, args, count, NULL);
    if (PyContext_Exit(context) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

/* Give an exception to `tell(subject, exception)`, unless it is one that ends the interpreter; 0 if that went well. */
static int
tell_failure(PyObject *tell, PyObject *subject)
{
    if (PyErr_ExceptionMatches(PyExc_SystemExit) || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        return -1;
    }
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyErr_NormalizeException(&kind, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    PyObject *told = PyObject_CallFunctionObjArgs(tell, subject, error, NULL);
    Py_XDECREF(kind);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    Py_XDECREF(told);
    return told == NULL ? -1 : 0;
}

static int
handle_run(PyObject *handle)
{
    PyObject *callback = Py_XNewRef(SLOT(handle, slot.callback)), *args = Py_XNewRef(SLOT(handle, slot.args));
    PyObject *context = Py_XNewRef(SLOT(handle, slot.context));
    PyObject *result = NULL;
    if (callback != NULL && context != NULL && args != NULL && PyTuple_Check(args)) {
        result = call_in(context, callback, ((PyTupleObject *)args)->ob_item, PyTuple_GET_SIZE(args));
    } else {
        PyErr_SetString(PyExc_TypeError, "a handle without a callback cannot run");
    }
    int done = result != NULL ? 0 : tell_failure(handle_failed, handle);
    Py_XDECREF(result);
    Py_XDECREF(callback);
    Py_XDECREF(args);
    Py_XDECREF(context);
    return done;
}

/* -- what a host receives */

#define POSTED_ARGUMENTS 4
#define POSTED_KEPT 256

typedef struct {
    PyObject_HEAD
    Turns *loop;
    PyObject *callback;
    PyObject **args; /* `few`, or memory of its own */
    PyObject *few[POSTED_ARGUMENTS];
    int32_t count;
    char cancelled;
    char scheduled; /* it waits in the queue for a later instant */
    char purpose;   /* of a message of the network, which `port.c` delivers; 0 for everything else */
    int64_t number; /* of that message */
    int64_t sent_ns;
} Posted;

static int parcel_run(Posted *);

static Posted *kept_posted[POSTED_KEPT];
static int kept_posted_count;

static Posted *
posted_new(Turns *loop, PyObject *callback, PyObject *const *args, Py_ssize_t count)
{
    Posted *posted;
    if (kept_posted_count) {
        posted = kept_posted[--kept_posted_count];
        _Py_NewReference((PyObject *)posted);
    } else if ((posted = PyObject_GC_New(Posted, &Posted_Type)) == NULL) {
        return NULL;
    }
    posted->args = posted->few;
    if (count > POSTED_ARGUMENTS && (posted->args = PyMem_New(PyObject *, count)) == NULL) {
        posted->args = posted->few;
        posted->count = 0;
        posted->callback = NULL;
        posted->loop = NULL;
        Py_DECREF(posted);
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        posted->args[i] = Py_NewRef(args[i]);
    }
    posted->count = (int32_t)count;
    posted->loop = (Turns *)Py_NewRef(loop);
    posted->callback = Py_NewRef(callback);
    posted->cancelled = posted->scheduled = posted->purpose = 0;
    PyObject_GC_Track(posted);
    return posted;
}

static int
posted_clear(Posted *self)
{
    int count = self->count;
    self->count = 0;
    for (int i = 0; i < count; i++) {
        Py_DECREF(self->args[i]);
    }
    if (self->args != self->few) {
        PyMem_Free(self->args);
        self->args = self->few;
    }
    Py_CLEAR(self->callback);
    Py_CLEAR(self->loop);
    return 0;
}

static int
posted_traverse(Posted *self, visitproc visit, void *arg)
{
    Py_VISIT(self->loop);
    Py_VISIT(self->callback);
    for (int i = 0; i < self->count; i++) {
        Py_VISIT(self->args[i]);
    }
    return 0;
}

static void
posted_dealloc(Posted *self)
{
    if (PyObject_GC_IsTracked((PyObject *)self)) {
        PyObject_GC_UnTrack(self);
    }
    posted_clear(self);
    if (kept_posted_count < POSTED_KEPT) {
        kept_posted[kept_posted_count++] = self;
    } else {
        PyObject_GC_Del(self);
    }
}

static int
posted_run(Posted *self)
{
    if (self->callback == NULL) {
        return 0;
    }
    if (self->purpose) {
        return parcel_run(self);
    }
    PyObject *context = turns_context(self->loop);
    PyObject *result = context == NULL ? NULL : call_in(context, self->callback, self->args, self->count);
    if (result != NULL) {
        Py_DECREF(result);
        return 0;
    }
    return tell_failure(receiving_failed, (PyObject *)self->loop);
}

static PyObject *
posted_cancel(Posted *self, PyObject *unused)
{
    int was_scheduled = self->scheduled && !self->cancelled;
    self->cancelled = 1;
    if (was_scheduled && agenda_timer_cancelled(self->loop->world) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef posted_methods[] = {
    {"cancel", (PyCFunction)posted_cancel, METH_NOARGS, "Let it not happen."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef posted_members[] = {
    {"_cancelled", T_BOOL, offsetof(Posted, cancelled), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject Posted_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Posted",
    .tp_basicsize = sizeof(Posted),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "Something a host receives from outside: `world.post` returns it, `cancel` takes it back.",
    .tp_dealloc = (destructor)posted_dealloc,
    .tp_traverse = (traverseproc)posted_traverse,
    .tp_clear = (inquiry)posted_clear,
    .tp_methods = posted_methods,
    .tp_members = posted_members,
};
