/* Drawing a duration, in whole nanoseconds, as paths do for every message.
 *
 * Twin of `simkit/kernel/distribution.py`, whose frozen values are read here by their place in the object: one draw of the
 * stream each, the same operations in the same order, and Python's rounding.
 *
 * It deliberately knows a few kinds by heart and asks Python for the others, and for parameters that are no floats.
 */

enum { CONSTANT, EXPONENTIAL, UNIFORM, NORMAL, LOGNORMAL, KINDS };

static struct {
    PyTypeObject *type;
    Py_ssize_t first, second; /* where its parameters are; twice the same for a kind that has one */
} kinds[KINDS];

static PyTypeObject *known_draws;
static PyObject *name_draw, *name_round;

/* Draw if the kind is known by heart; return whether it is. */
static int
draw_known(PyObject *distribution, Draws *stream, double *drawn)
{
    int kind = 0;
    while (kind < KINDS && !Py_IS_TYPE(distribution, kinds[kind].type)) {
        kind++;
    }
    if (kind == KINDS) {
        return 0;
    }
    PyObject *one = SLOT(distribution, kinds[kind].first), *other = SLOT(distribution, kinds[kind].second);
    if (one == NULL || other == NULL || !PyFloat_CheckExact(one) || !PyFloat_CheckExact(other)) {
        return 0;
    }
    double a = PyFloat_AS_DOUBLE(one), b = PyFloat_AS_DOUBLE(other);
    switch (kind) {
    case CONSTANT:
        next_bits(stream);
        *drawn = a;
        break;
    case EXPONENTIAL:
        *drawn = -a * own_log(1.0 - next_unit(stream));
        break;
    case UNIFORM:
        *drawn = a + (b - a) * next_unit(stream);
        break;
    case NORMAL:
        *drawn = a + b * next_standard_normal(stream);
        break;
    default:
        *drawn = a * own_exp(b * next_standard_normal(stream));
    }
    return 1;
}

/* Return what `round` makes of a float that fits; -1 with its exception. */
static int64_t
rounded(double value)
{
    if (fabs(value) < (double)NEVER_NS) {
        return (int64_t)rint(value);
    }
    PyObject *number = PyLong_FromDouble(value); /* has the words for what is not finite */
    if (number != NULL) {
        PyErr_SetString(PyExc_OverflowError, "a duration of more than a century");
        Py_DECREF(number);
    }
    return -1;
}

/* Take one draw of a stream; return `max(0, round(distribution.draw(stream)))`, or -1 with an exception. */
static int64_t
draw_ns(PyObject *distribution, PyObject *stream)
{
    double value;
    int64_t ns;
    if (is_kind_of(stream, &Draws_Type, &known_draws) && draw_known(distribution, (Draws *)stream, &value)) {
        ns = PyErr_Occurred() ? -1 : rounded(value);
    } else {
        PyObject *drawn = PyObject_CallMethodOneArg(distribution, name_draw, stream);
        PyObject *whole = drawn == NULL ? NULL : PyObject_CallMethodNoArgs(drawn, name_round);
        ns = whole == NULL ? -1 : PyLong_AsLongLong(whole);
        Py_XDECREF(drawn);
        Py_XDECREF(whole);
    }
    return PyErr_Occurred() ? -1 : ns < 0 ? 0 : ns;
}

/* Take one more draw, whose value does not matter; -1 with an exception. */
static int
skip_draw(PyObject *stream)
{
    if (is_kind_of(stream, &Draws_Type, &known_draws)) {
        next_bits((Draws *)stream);
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *bits = PyObject_CallMethod(stream, "bits64", NULL);
    Py_XDECREF(bits);
    return bits == NULL ? -1 : 0;
}
