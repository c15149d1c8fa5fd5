/* Diversions: C functions of the interpreter that ask somebody else while a simulated host's code runs.
 *
 * A builtin function, a method or a class method keeps its identity; only the pointer in its PyMethodDef is swapped, so
 * that `from time import monotonic`, done long before, is diverted as well. A diverted function asks where it is called
 * from: in host code it calls a handler written in Python with the host's loop as first argument, everywhere else the
 * original pointer with the original arguments. The same question guards the audit hook and OpenSSL's random source.
 *
 * It deliberately holds no policy: which functions, what they answer and what is refused stands in the Python modules
 * beside it. It cannot reach slots of types (`__new__`, `__call__`) and nothing that calls the C library itself.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

#ifdef Py_GIL_DISABLED
#error "swapping pointers needs the interpreter's lock; the fallback in Python serves free-threaded builds"
#endif

/* -- whose code runs */

static PyObject *turning; /* the loop whose turn it is in the world that runs, or NULL while none runs */
static unsigned long world_thread;
static int outside; /* how often the world's thread has stepped out of host code */

/* Return a new reference to the loop of the host whose code runs now, or NULL without an exception. */
static PyObject *
host_here(void)
{
    if (turning == NULL || outside || PyThread_get_thread_ident() != world_thread) {
        return NULL;
    }
    return Py_NewRef(turning);
}

static PyObject *
here(PyObject *module, PyObject *unused)
{
    PyObject *loop = host_here();
    return loop == NULL ? Py_NewRef(Py_None) : loop;
}

static PyObject *
enter(PyObject *module, PyObject *loop)
{
    PyObject *before = Py_BuildValue("Oki", turning ? turning : Py_None, world_thread, outside);
    if (before == NULL) {
        return NULL;
    }
    world_thread = PyThread_get_thread_ident();
    outside = 0;
    Py_XSETREF(turning, Py_NewRef(loop));
    return before;
}

static PyObject *
turn(PyObject *module, PyObject *loop)
{
    Py_XSETREF(turning, Py_NewRef(loop));
    Py_RETURN_NONE;
}

static PyObject *
leave(PyObject *module, PyObject *before)
{
    PyObject *loop;
    unsigned long thread;
    int depth;
    if (!PyArg_ParseTuple(before, "Oki", &loop, &thread, &depth)) {
        return NULL;
    }
    world_thread = thread;
    outside = depth;
    Py_XSETREF(turning, loop == Py_None ? NULL : Py_NewRef(loop));
    Py_RETURN_NONE;
}

static PyObject *
step_out(PyObject *module, PyObject *unused)
{
    int counted = turning != NULL && PyThread_get_thread_ident() == world_thread;
    outside += counted;
    return PyBool_FromLong(counted);
}

static PyObject *
step_in(PyObject *module, PyObject *counted)
{
    outside -= counted == Py_True;
    Py_RETURN_NONE;
}

/* -- diverted functions */

#define DIVERSIONS_MAX 96
#define ARGUMENTS_MAX 16

typedef struct {
    PyMethodDef original; /* as it was before its pointer was swapped */
    PyMethodDef *swapped;
    PyObject *handler;
    PyObject *only; /* the one bound object that is diverted, or NULL for all */
    int is_method;  /* the handler wants `self`, or the class */
} Diversion;

static Diversion diversions[DIVERSIONS_MAX];
static int diversions_count;

/* Return the loop if this call is diverted. */
static inline PyObject *
diverted(const Diversion *diversion, PyObject *self)
{
    return diversion->only != NULL && diversion->only != self ? NULL : host_here();
}

/* Call the handler; takes over the reference to `loop`. */
static PyObject *
ask(const Diversion *diversion, PyObject *loop, PyObject *self, PyObject *const *args, Py_ssize_t count,
    PyObject *names)
{
    PyObject *few[ARGUMENTS_MAX];
    Py_ssize_t all = count + (names == NULL ? 0 : PyTuple_GET_SIZE(names)), first = 1 + diversion->is_method;
    PyObject **stack = all + first <= ARGUMENTS_MAX ? few : PyMem_New(PyObject *, all + first);
    if (stack == NULL) {
        Py_DECREF(loop);
        return PyErr_NoMemory();
    }
    stack[0] = loop;
    if (diversion->is_method) {
        stack[1] = self;
    }
    for (Py_ssize_t i = 0; i < all; i++) {
        stack[first + i] = args[i];
    }
    PyObject *answer = PyObject_Vectorcall(diversion->handler, stack, first + count, names);
    if (stack != few) {
        PyMem_Free(stack);
    }
    Py_DECREF(loop);
    return answer;
}

static PyObject *
ask_with_tuple(const Diversion *diversion, PyObject *loop, PyObject *self, PyObject *args, PyObject *options)
{
    Py_ssize_t first = 1 + diversion->is_method, count = args == NULL ? 0 : PyTuple_GET_SIZE(args);
    PyObject *all = PyTuple_New(first + count), *answer = NULL;
    if (all != NULL) {
        PyTuple_SET_ITEM(all, 0, Py_NewRef(loop));
        if (diversion->is_method) {
            PyTuple_SET_ITEM(all, 1, Py_NewRef(self));
        }
        for (Py_ssize_t i = 0; i < count; i++) {
            PyTuple_SET_ITEM(all, first + i, Py_NewRef(PyTuple_GET_ITEM(args, i)));
        }
        answer = PyObject_Call(diversion->handler, all, options);
        Py_DECREF(all);
    }
    Py_DECREF(loop);
    return answer;
}

/* A method pointer carries no data, so that every diversion has functions of its own: one for each way of calling. */

#define ORIGINAL(type) ((type)(void (*)(void))diversion->original.ml_meth)

static PyObject *
call_plain(const Diversion *diversion, PyObject *self, PyObject *argument)
{
    PyObject *loop = diverted(diversion, self);
    if (loop == NULL) {
        return ORIGINAL(PyCFunction)(self, argument);
    }
    switch (diversion->original.ml_flags & (METH_NOARGS | METH_O | METH_VARARGS)) {
    case METH_NOARGS:
        return ask(diversion, loop, self, NULL, 0, NULL);
    case METH_O:
        return ask(diversion, loop, self, &argument, 1, NULL);
    default:
        return ask_with_tuple(diversion, loop, self, argument, NULL);
    }
}

static PyObject *
call_keywords(const Diversion *diversion, PyObject *self, PyObject *args, PyObject *options)
{
    PyObject *loop = diverted(diversion, self);
    return loop == NULL ? ORIGINAL(PyCFunctionWithKeywords)(self, args, options)
                        : ask_with_tuple(diversion, loop, self, args, options);
}

typedef PyObject *(*Fast)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*FastKeywords)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);
typedef PyObject *(*FastMethod)(PyObject *, PyTypeObject *, PyObject *const *, size_t, PyObject *);

static PyObject *
call_fast(const Diversion *diversion, PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *loop = diverted(diversion, self);
    return loop == NULL ? ORIGINAL(Fast)(self, args, count) : ask(diversion, loop, self, args, count, NULL);
}

static PyObject *
call_fast_keywords(const Diversion *diversion, PyObject *self, PyObject *const *args, Py_ssize_t count,
                   PyObject *names)
{
    PyObject *loop = diverted(diversion, self);
    return loop == NULL ? ORIGINAL(FastKeywords)(self, args, count, names)
                        : ask(diversion, loop, self, args, count, names);
}

static PyObject *
call_method(const Diversion *diversion, PyObject *self, PyTypeObject *type, PyObject *const *args, size_t count,
            PyObject *names)
{
    PyObject *loop = diverted(diversion, self);
    return loop == NULL ? ORIGINAL(FastMethod)(self, type, args, count, names)
                        : ask(diversion, loop, self, args, PyVectorcall_NARGS(count), names);
}

#define WAYS(n) \
    static PyObject *plain_##n(PyObject *s, PyObject *a) { return call_plain(&diversions[0x##n], s, a); } \
    static PyObject *keywords_##n(PyObject *s, PyObject *a, PyObject *o) \
    { return call_keywords(&diversions[0x##n], s, a, o); } \
    static PyObject *fast_##n(PyObject *s, PyObject *const *a, Py_ssize_t c) \
    { return call_fast(&diversions[0x##n], s, a, c); } \
    static PyObject *fast_keywords_##n(PyObject *s, PyObject *const *a, Py_ssize_t c, PyObject *k) \
    { return call_fast_keywords(&diversions[0x##n], s, a, c, k); } \
    static PyObject *method_##n(PyObject *s, PyTypeObject *t, PyObject *const *a, size_t c, PyObject *k) \
    { return call_method(&diversions[0x##n], s, t, a, c, k); }

#define SIXTEEN(X, h) \
    X(h##0) X(h##1) X(h##2) X(h##3) X(h##4) X(h##5) X(h##6) X(h##7) \
    X(h##8) X(h##9) X(h##a) X(h##b) X(h##c) X(h##d) X(h##e) X(h##f)
#define ALL(X) SIXTEEN(X, 0) SIXTEEN(X, 1) SIXTEEN(X, 2) SIXTEEN(X, 3) SIXTEEN(X, 4) SIXTEEN(X, 5)

ALL(WAYS)

typedef struct {
    PyCFunction plain;
    PyCFunctionWithKeywords keywords;
    Fast fast;
    FastKeywords fast_keywords;
    FastMethod method;
} Ways;

#define ROW(n) {plain_##n, keywords_##n, fast_##n, fast_keywords_##n, method_##n},
static const Ways ways[DIVERSIONS_MAX] = {ALL(ROW)};

#define POINTER(function) ((PyCFunction)(void (*)(void))(function))

static PyCFunction
way_of(const Ways *way, int flags)
{
    switch (flags & ~(METH_CLASS | METH_STATIC | METH_COEXIST)) {
    case METH_NOARGS:
    case METH_O:
    case METH_VARARGS:
        return way->plain;
    case METH_VARARGS | METH_KEYWORDS:
        return POINTER(way->keywords);
    case METH_FASTCALL:
        return POINTER(way->fast);
    case METH_FASTCALL | METH_KEYWORDS:
        return POINTER(way->fast_keywords);
    case METH_METHOD | METH_FASTCALL | METH_KEYWORDS:
        return POINTER(way->method);
    default:
        return NULL;
    }
}

/* Return a callable that behaves as `function` did before. */
static PyObject *
copy_of(PyObject *function, PyMethodDef *original)
{
    if (PyCFunction_Check(function)) {
        PyCFunctionObject *builtin = (PyCFunctionObject *)function;
        return PyCMethod_New(original, builtin->m_self, builtin->m_module, PyCFunction_GET_CLASS(function));
    }
    PyTypeObject *owner = ((PyDescrObject *)function)->d_type;
    return Py_IS_TYPE(function, &PyMethodDescr_Type) ? PyDescr_NewMethod(owner, original)
                                                     : PyDescr_NewClassMethod(owner, original);
}

static PyObject *
divert(PyObject *module, PyObject *args)
{
    PyObject *function, *handler, *only = Py_None;
    if (!PyArg_ParseTuple(args, "OO|O", &function, &handler, &only)) {
        return NULL;
    }
    int is_method = Py_IS_TYPE(function, &PyMethodDescr_Type) || Py_IS_TYPE(function, &PyClassMethodDescr_Type);
    if (!is_method && !PyCFunction_Check(function)) {
        return PyErr_Format(PyExc_TypeError, "%R is no function written in C", function);
    }
    PyMethodDef *definition = is_method ? ((PyMethodDescrObject *)function)->d_method
                                        : ((PyCFunctionObject *)function)->m_ml;
    for (int i = 0; i < diversions_count; i++) {
        if (diversions[i].swapped == definition) {
            return PyErr_Format(PyExc_ValueError, "%R is diverted already", function);
        }
    }
    PyCFunction way = diversions_count == DIVERSIONS_MAX ? NULL : way_of(&ways[diversions_count], definition->ml_flags);
    if (way == NULL) {
        return PyErr_Format(PyExc_NotImplementedError, "%R cannot be diverted", function);
    }
    Diversion *diversion = &diversions[diversions_count];
    diversion->original = *definition;
    PyObject *copy = copy_of(function, &diversion->original);
    if (copy == NULL) {
        return NULL;
    }
    diversion->swapped = definition;
    diversion->handler = Py_NewRef(handler);
    diversion->only = only == Py_None ? NULL : Py_NewRef(only);
    diversion->is_method = is_method;
    diversions_count++;
    definition->ml_meth = way;
    return copy;
}

/* -- the audit hook */

static PyObject *gates; /* name of an audit event -> what is asked about it */

static int
audited(const char *event, PyObject *arguments, void *unused)
{
    if (turning == NULL || outside || gates == NULL) {
        return 0;
    }
    PyObject *gate = PyDict_GetItemString(gates, event);
    PyObject *loop = gate == NULL ? NULL : host_here();
    if (loop == NULL) {
        return 0;
    }
    PyObject *answer = PyObject_CallFunctionObjArgs(gate, loop, arguments, NULL);
    Py_DECREF(loop);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static PyObject *
watch(PyObject *module, PyObject *events)
{
    if (!PyDict_Check(events)) {
        PyErr_SetString(PyExc_TypeError, "a dict of audit events is wanted");
        return NULL;
    }
    int is_first = gates == NULL;
    Py_XSETREF(gates, Py_NewRef(events));
    if (is_first && PySys_AddAuditHook(audited, NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* -- OpenSSL's random source: the table of functions that RAND_set_rand_method takes, as in <openssl/rand.h> */

typedef struct {
    int (*seed)(const void *, int);
    int (*bytes)(unsigned char *, int);
    void (*cleanup)(void);
    int (*add)(const void *, int, double);
    int (*pseudorand)(unsigned char *, int);
    int (*status)(void);
} RandomMethod;

static const RandomMethod *openssl_original;
static RandomMethod openssl_diverted;
static PyObject *openssl_handler;

static int
openssl_bytes(unsigned char *buffer, int count)
{
    /* Called with and without the interpreter's lock, by threads it may not know. */
    if (turning == NULL || PyThread_get_thread_ident() != world_thread) {
        return openssl_original->bytes(buffer, count);
    }
    PyGILState_STATE lock = PyGILState_Ensure();
    PyObject *error_type, *error, *traceback;
    PyErr_Fetch(&error_type, &error, &traceback);
    PyObject *loop = host_here(), *bytes = NULL;
    int done = 0;
    if (loop == NULL) {
        done = openssl_original->bytes(buffer, count);
    } else {
        bytes = PyObject_CallFunction(openssl_handler, "Oi", loop, count);
        if (bytes != NULL && PyBytes_Check(bytes) && PyBytes_GET_SIZE(bytes) == count) {
            memcpy(buffer, PyBytes_AS_STRING(bytes), count);
            done = 1;
        } else {
            PyErr_WriteUnraisable(openssl_handler);
        }
    }
    Py_XDECREF(bytes);
    Py_XDECREF(loop);
    PyErr_Restore(error_type, error, traceback);
    PyGILState_Release(lock);
    return done;
}

static PyObject *
divert_openssl(PyObject *module, PyObject *args)
{
    const char *path;
    PyObject *handler;
    if (!PyArg_ParseTuple(args, "sO", &path, &handler)) {
        return NULL;
    }
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    const RandomMethod *(*original)(void) = NULL;
    int (*set)(const RandomMethod *) = NULL;
    if (library != NULL) {
        *(void **)&original = dlsym(library, "RAND_OpenSSL");
        *(void **)&set = dlsym(library, "RAND_set_rand_method");
    }
    if (original == NULL || set == NULL || openssl_original != NULL) {
        Py_RETURN_FALSE;
    }
    Py_XSETREF(openssl_handler, Py_NewRef(handler));
    openssl_original = original();
    openssl_diverted = *openssl_original;
    openssl_diverted.bytes = openssl_diverted.pseudorand = openssl_bytes;
    return PyBool_FromLong(set(&openssl_diverted) == 1);
}

static PyMethodDef functions[] = {
    {"here", here, METH_NOARGS, "Return the loop of the host whose code runs now, or None."},
    {"enter", enter, METH_O, "enter(loop): a world begins to run on this thread; return what `leave` wants."},
    {"turn", turn, METH_O, "turn(loop): from now on this loop's code runs, until the next turn."},
    {"leave", leave, METH_O, "leave(before): it has stopped running."},
    {"step_out", step_out, METH_NOARGS, "Leave host code for a while; return what `step_in` wants."},
    {"step_in", step_in, METH_O, "step_in(counted): end what `step_out` began."},
    {"divert", divert, METH_VARARGS, "divert(function, handler, only=None): return a copy of the original."},
    {"watch", watch, METH_O, "watch(gates): ask gates[event](loop, arguments) about audit events in host code."},
    {"divert_openssl", divert_openssl, METH_VARARGS, "divert_openssl(path of _ssl, handler): return whether it worked."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_diversion",
    .m_doc = "Diversions of C functions while a host's code runs.",
    .m_size = -1,
    .m_methods = functions,
};

/* The compiled core writes whose turn it is by itself. */
PyMODINIT_FUNC
PyInit__diversion(void)
{
    PyObject *module = PyModule_Create(&definition);
    PyObject *place = module == NULL ? NULL : PyCapsule_New(&turning, "simkit.kernel.fence.turning", NULL);
    if (place == NULL || PyModule_AddObjectRef(module, "turning", place) < 0) {
        Py_CLEAR(module);
    }
    Py_XDECREF(place);
    return module;
}
