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
#define CACHE_LINE 64

static inline int
before(const Entry *a, const Entry *b)
{
    /* One comparison of 128 bits, without a branch that nobody could predict. */
    unsigned __int128 one = (unsigned __int128)(uint64_t)a->time_ns << 64 | (uint64_t)a->sequence;
    unsigned __int128 other = (unsigned __int128)(uint64_t)b->time_ns << 64 | (uint64_t)b->sequence;
    return one < other;
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

/* Fill a hole: the least children move up until there are none, and `entry`, which nearly always belongs near the end,
 * comes up from there. */
static void
sift_down(Entry *entries, Py_ssize_t count, Py_ssize_t place, Entry entry)
{
    const Py_ssize_t top = place;
    for (;;) {
        Py_ssize_t child = place * CHILDREN + 1, least = child;
        if (child + CHILDREN <= count) {
            Py_ssize_t left = child + before(&entries[child + 1], &entries[child]);
            Py_ssize_t right = child + 2 + before(&entries[child + 3], &entries[child + 2]);
            least = before(&entries[right], &entries[left]) ? right : left;
        } else if (child < count) {
            while (++child < count) {
                least = before(&entries[child], &entries[least]) ? child : least;
            }
        } else {
            break;
        }
        entries[place] = entries[least];
        place = least;
    }
    while (place > top) {
        Py_ssize_t parent = (place - 1) / CHILDREN;
        if (!before(&entry, &entries[parent])) {
            break;
        }
        entries[place] = entries[parent];
        place = parent;
    }
    entries[place] = entry;
}

/* Make room; siblings lie in two whole lines of the processor's cache. */
static int
queue_grow(Queue *queue)
{
    Py_ssize_t room = queue->room ? queue->room * 2 : FEW;
    void *block = PyMem_Malloc(room * sizeof(Entry) + CACHE_LINE + sizeof(Entry));
    if (block == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Entry *entries = (Entry *)(((uintptr_t)block + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1)) + 1;
    if (queue->count) {
        memcpy(entries, queue->entries, queue->count * sizeof(Entry));
    }
    PyMem_Free(queue->block);
    queue->block = block;
    queue->entries = entries;
    queue->room = room;
    return 0;
}

/* Take a new reference to `item`. */
static int
queue_push(Queue *queue, int64_t time_ns, int64_t sequence, Turns *loop, PyObject *item)
{
    if (queue->count == queue->room && queue_grow(queue) < 0) {
        return -1;
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
    void *block = queue->block;
    Py_ssize_t count = queue->count;
    queue->entries = queue->block = NULL; /* dropping an item may run code that looks here */
    queue->count = queue->room = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_DECREF(entries[i].item);
    }
    PyMem_Free(block);
}
