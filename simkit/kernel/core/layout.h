/* How asyncio's C future and task lie in memory, for each Python that the core supports.
 *
 * The kernel's future and task are true subclasses of asyncio's, whose fields no function of C gives access to. A
 * field that lay elsewhere would be read as something else, so `layout_fits` tries every one of them on objects made
 * for the purpose before the core is used, and a Python that is not named here is not compiled for.
 *
 * It deliberately names the fields as asyncio's own module does, and holds no code but the trial.
 */

#if PY_VERSION_HEX < 0x030b0000 || PY_VERSION_HEX >= 0x030e0000 || defined(Py_GIL_DISABLED)
#error "the compiled core knows how asyncio's tasks lie in memory on CPython 3.11 to 3.13; the Python core serves others"
#endif

enum { PENDING, CANCELLED, FINISHED };

#define FUTURE_FIELDS                                                                                                  \
    PyObject_HEAD                                                                                                      \
    PyObject *loop;                                                                                                    \
    PyObject *callback0;                                                                                               \
    PyObject *context0;                                                                                                \
    PyObject *callbacks;                                                                                               \
    PyObject *exception;                                                                                               \
    PyObject *exception_tb;                                                                                            \
    PyObject *result;                                                                                                  \
    PyObject *source_tb;                                                                                               \
    PyObject *cancel_message;

#if PY_VERSION_HEX >= 0x030d0000

#define FUTURE_HEAD                                                                                                    \
    FUTURE_FIELDS                                                                                                      \
    PyObject *cancelled_exc;                                                                                           \
    int state;                                                                                                         \
    unsigned log_tb : 1;                                                                                               \
    unsigned blocking : 1;

#define TASK_HEAD                                                                                                      \
    FUTURE_HEAD                                                                                                        \
    unsigned must_cancel : 1;                                                                                          \
    unsigned log_destroy_pending : 1;                                                                                  \
    int cancels_requested;                                                                                             \
    PyObject *fut_waiter;                                                                                              \
    PyObject *coro;                                                                                                    \
    PyObject *name;                                                                                                    \
    PyObject *context;

#else

#define FUTURE_HEAD                                                                                                    \
    FUTURE_FIELDS                                                                                                      \
    int state;                                                                                                         \
    int log_tb;                                                                                                        \
    int blocking;                                                                                                      \
    PyObject *dict;                                                                                                    \
    PyObject *weakreflist;                                                                                             \
    PyObject *cancelled_exc;

#define TASK_HEAD                                                                                                      \
    FUTURE_HEAD                                                                                                        \
    PyObject *fut_waiter;                                                                                              \
    PyObject *coro;                                                                                                    \
    PyObject *name;                                                                                                    \
    PyObject *context;                                                                                                 \
    int must_cancel;                                                                                                   \
    int log_destroy_pending;                                                                                           \
    int cancels_requested;

#endif

typedef struct {
    FUTURE_HEAD
} StockFuture;

typedef struct {
    TASK_HEAD
} StockTask;
