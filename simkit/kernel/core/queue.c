/* The queue of what is to come: a heap in which every entry has four children.
 *
 * Twin of the list that `simkit/kernel/agenda.py` keeps with `heapq`. Both pop the least (time, sequence), and sequences
 * are unique, so that the shape of the heap cannot be seen. Four children instead of two halve the depth, and lie in two
 * lines of the processor's cache.
 *
 * It deliberately knows nothing of what stands in it.
 */

#define CHILDREN 4
#define FEW 64

static inline int
before(const Entry *a, const Entry *b)
{
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->sequence < b->sequence);
}

static void
sift_up(Entry *entries, Py_ssize_t place, Entry entry)
{
    while (place > 0) {
        Py_ssize_t parent = (place - 1) / CHILDREN;
        if (!before(&entry, &entries[parent])) {
            break;
        }
        entries[place] = entries[parent];
        place = parent;
    }
    entries[place] = entry;
}

static void
sift_down(Entry *entries, Py_ssize_t count, Py_ssize_t place, Entry entry)
{
    for (;;) {
        Py_ssize_t child = place * CHILDREN + 1, least = child;
        if (child >= count) {
            break;
        }
        Py_ssize_t end = child + CHILDREN < count ? child + CHILDREN : count;
        while (++child < end) {
            if (before(&entries[child], &entries[least])) {
                least = child;
            }
        }
        if (!before(&entries[least], &entry)) {
            break;
        }
        entries[place] = entries[least];
        place = least;
    }
    entries[place] = entry;
}

/* Take a new reference to `item`. */
static int
queue_push(Queue *queue, int64_t time_ns, int64_t sequence, Turns *loop, PyObject *item)
{
    if (queue->count == queue->room) {
        Py_ssize_t room = queue->room ? queue->room * 2 : FEW;
        Entry *entries = PyMem_Resize(queue->entries, Entry, room);
        if (entries == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        queue->entries = entries;
        queue->room = room;
    }
    Entry entry = {time_ns, sequence, loop, Py_NewRef(item)};
    sift_up(queue->entries, queue->count++, entry);
    return 0;
}

/* Hand the reference over. The queue must not be empty. */
static Entry
queue_pop(Queue *queue)
{
    Entry first = queue->entries[0];
    if (--queue->count > 0) {
        sift_down(queue->entries, queue->count, 0, queue->entries[queue->count]);
    }
    return first;
}

static void
queue_order(Queue *queue)
{
    for (Py_ssize_t place = (queue->count - 2) / CHILDREN; place >= 0 && queue->count > 1; place--) {
        sift_down(queue->entries, queue->count, place, queue->entries[place]);
    }
}

static void
queue_clear(Queue *queue)
{
    Entry *entries = queue->entries;
    Py_ssize_t count = queue->count;
    queue->entries = NULL; /* dropping an item may run code that looks here */
    queue->count = queue->room = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_DECREF(entries[i].item);
    }
    PyMem_Free(entries);
}
