/* Whole arrays: logarithms, exponentials and normal quantiles of floats, and the next draws of many streams.
 *
 * Twin of the functions in `simkit/kernel/arrays.py` and of `_draw` in `simkit/kernel/streams.py`: one pass over a buffer
 * where numpy takes one for each operation, with the same bits.
 *
 * It deliberately knows nothing of numpy but buffers, and trusts its callers in Python with their types.
 */

/* Get a buffer of items of a size; -1 with an exception. */
static int
buffer_of(PyObject *object, Py_buffer *view, Py_ssize_t size, int flags)
{
    if (PyObject_GetBuffer(object, view, flags) < 0) {
        return -1;
    }
    if (view->itemsize != size) {
        PyErr_Format(PyExc_TypeError, "a buffer of items of %zd bytes is wanted, not of %zd", size, view->itemsize);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

static PyObject *
for_all(PyObject *numbers, double (*function)(double))
{
    Py_buffer view;
    if (buffer_of(numbers, &view, sizeof(double), PyBUF_WRITABLE) < 0) {
        return NULL;
    }
    double *values = view.buf;
    for (Py_ssize_t i = 0, count = view.len / (Py_ssize_t)sizeof(double); i < count; i++) {
        values[i] = function(values[i]);
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *
log_all(PyObject *module, PyObject *numbers)
{
    return for_all(numbers, own_log);
}

static PyObject *
exp_all(PyObject *module, PyObject *numbers)
{
    return for_all(numbers, own_exp);
}

static PyObject *
normal_quantile_all(PyObject *module, PyObject *numbers)
{
    return for_all(numbers, own_normal_quantile);
}

/* -- SplitMix64, Steele and others, OOPSLA 2014 */

static const uint64_t GOLDEN_GAMMA = UINT64_C(0x9E3779B97F4A7C15);

static inline uint64_t
mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static PyObject *
draw_all(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4) {
        return PyErr_Format(PyExc_TypeError, "draw_all() takes 4 arguments, not %zd", count);
    }
    uint64_t key = PyLong_AsUnsignedLongLong(args[0]);
    Py_buffer individuals, counts, drawn;
    if (PyErr_Occurred() || buffer_of(args[1], &individuals, sizeof(int64_t), PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (buffer_of(args[2], &counts, sizeof(uint32_t), PyBUF_WRITABLE) < 0) {
        goto no_counts;
    }
    if (buffer_of(args[3], &drawn, sizeof(uint64_t), PyBUF_WRITABLE) < 0) {
        goto no_drawn;
    }
    const int64_t *who = individuals.buf;
    uint32_t *taken = counts.buf;
    uint64_t *found = drawn.buf;
    int64_t known = counts.len / (Py_ssize_t)sizeof(uint32_t);
    Py_ssize_t wanted = individuals.len / (Py_ssize_t)sizeof(int64_t), i = 0;
    if (drawn.len == individuals.len) {
        for (; i < wanted && who[i] >= 0 && who[i] < known; i++) {
            found[i] = mixed(mixed(key + (uint64_t)who[i] * GOLDEN_GAMMA) + ++taken[who[i]] * GOLDEN_GAMMA);
        }
    }
    if (i < wanted) {
        PyErr_Format(PyExc_IndexError, "there is no individual %lld among %lld", (long long)who[i], (long long)known);
    }
    PyBuffer_Release(&drawn);
no_drawn:
    PyBuffer_Release(&counts);
no_counts:
    PyBuffer_Release(&individuals);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}
