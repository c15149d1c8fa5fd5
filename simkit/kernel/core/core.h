/* The structures of the core, and what its files need of each other. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <structmember.h>

#include "layout.h"

#define NEVER_NS (INT64_C(1) << 62)

typedef struct Agenda Agenda;
typedef struct Turns Turns;
typedef struct Task Task;

/* -- queue.c */

typedef struct {
    int64_t time_ns;
    int64_t sequence;
    Turns *loop;    /* borrowed: the item holds it */
    PyObject *item; /* a Task, a Timer or a Posted */
} Entry;

typedef struct {
    Entry *entries; /* within `block` */
    void *block;
    Py_ssize_t count;
    Py_ssize_t room;
} Queue;

/* -- turns.c */

typedef struct {
    PyObject **items; /* a ring, whose room is a power of two */
    uint32_t head;
    uint32_t count;
    uint32_t room;
} Ring;

typedef struct {
    PyObject **items;
    uint32_t count;
    uint32_t room;
} Items;

struct Turns {
    PyObject_HEAD
    Agenda *world;
    PyObject *name;
    PyObject *clock;   /* None for a perfect one */
    PyObject *context; /* made late */
    PyObject *timers;  /* a heap in host time, while the clock is imperfect; None otherwise */
    PyObject *host;
    PyObject *stack;
    PyObject *task_factory;
    PyObject *exception_handler;
    Task *first_task; /* the unfinished tasks, in the order of creation; each holds a reference of ours */
    Task *last_task;
    Ring ready;
    Items received;
    Items due;
    int64_t index;
    int64_t instant; /* of `instant_steps`, by the agenda's count */
    int64_t instant_steps;
    uint32_t pass_left; /* how many of `ready` the pass under way still has to run */
    char alive;
    char frozen;
    char halted;
    char awake;
};

/* -- agenda.c */

struct Agenda {
    PyObject_HEAD
    int64_t now_ns;
    int64_t sequence;
    int64_t serial;
    int64_t task_number;
    int64_t steps;
    int64_t pause_at;
    int64_t cancelled;
    int64_t instant;
    int64_t steps_per_instant;
    int64_t rounds_per_instant;
    uint64_t schedule_key;
    Queue queue;
    Turns **waiting; /* references */
    Py_ssize_t waiting_count;
    Py_ssize_t waiting_room;
    Turns *turning; /* borrowed: whose turn it is, or was last */
    PyObject *graveyard;
    char stopping;
};

/* -- task.c */

typedef struct {
    FUTURE_HEAD
    int64_t serial;
} Future;

struct Task {
    TASK_HEAD
    Task *previous;
    Task *next;
    int64_t number;
    int64_t sleep_sequence; /* of its entry in the queue while it sleeps there, else 0 */
    PyObject *mailbox;      /* borrowed: the one in which it waits */
    char listed;
};

static PyTypeObject *Task_Type, *Future_Type;            /* ours */
static PyTypeObject *StockTask_Type, *StockFuture_Type;  /* asyncio's */
static PyTypeObject Turns_Type, Agenda_Type, Posted_Type, Sleep_Type;

/* Say whether an object is of a type that is mostly derived from: the last one that was is remembered in `known`. */
static inline int
is_kind_of(PyObject *object, PyTypeObject *type, PyTypeObject **known)
{
    if (object == NULL || Py_TYPE(object) == *known) {
        return object != NULL;
    }
    if (!PyObject_TypeCheck(object, type)) {
        return 0;
    }
    Py_XSETREF(*known, (PyTypeObject *)Py_NewRef(Py_TYPE(object)));
    return 1;
}

#define Turns_Check(op) PyObject_TypeCheck((PyObject *)(op), &Turns_Type)
#define NANOSECONDS 1e9

static int queue_push(Queue *, int64_t time_ns, int64_t sequence, Turns *, PyObject *item);
static int turns_enqueue(Turns *, PyObject *runnable);
static int turns_receive(Turns *, PyObject *posted);
static int turns_timer_due(Turns *, PyObject *timer);
static PyObject *turns_context(Turns *);
static int clock_is_perfect(Turns *);
static PyObject *future_new(Turns *);
static Future *task_await_future(Task *);
typedef struct Mailbox Mailbox;
static Mailbox *mailbox_waited_for(PyObject *yielded);
static void wait_in(Mailbox *, Task *);
static void leave_mailbox(Task *);
static int agenda_timer_cancelled(Agenda *);
static int agenda_wake(Agenda *, Turns *);
static PyObject *timer_new(Turns *, PyObject *when, int64_t deadline_ns, int64_t sequence, PyObject *callback,
                           PyObject *args, PyObject *context);
static int64_t deadline_of(double when);
