/* Random streams, and the arithmetic under their distributions.
 *
 * Twin of `simkit/kernel/stream.py` and `simkit/kernel/arithmetic.py`: draw k is output k of Philox4x64-10 under the stream's
 * key, and every floating-point operation is the twin's, in its order. The module is compiled without fused operations,
 * so that both give the same bits.
 *
 * It deliberately keeps one counter's four outputs and no block: computing them takes less than fetching them would.
 */

typedef struct {
    PyObject_HEAD
    PyObject *name;
    uint64_t key[2];
    uint64_t counter;
    uint64_t outputs[4];
    int left;        /* of `outputs`, the last ones */
    char overridden; /* a subclass draws in another way, as tests do */
} Draws;

static PyTypeObject Draws_Type;

/* -- Philox4x64-10, Salmon and others, SC 2011 */

static void
philox(const uint64_t key[2], uint64_t counter, uint64_t output[4])
{
    uint64_t c0 = counter, c1 = 0, c2 = 0, c3 = 0, k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        unsigned __int128 one = (unsigned __int128)UINT64_C(0xD2E7470EE14C6C93) * c0;
        unsigned __int128 other = (unsigned __int128)UINT64_C(0xCA5A826395121157) * c2;
        c0 = (uint64_t)(other >> 64) ^ c1 ^ k0;
        c1 = (uint64_t)other;
        c2 = (uint64_t)(one >> 64) ^ c3 ^ k1;
        c3 = (uint64_t)one;
        k0 += UINT64_C(0x9E3779B97F4A7C15);
        k1 += UINT64_C(0xBB67AE8584CAA73B);
    }
    output[0] = c0;
    output[1] = c1;
    output[2] = c2;
    output[3] = c3;
}

static uint64_t
asked_bits(Draws *self)
{
    PyObject *bits = PyObject_CallMethod((PyObject *)self, "bits64", NULL);
    uint64_t drawn = bits == NULL ? 0 : PyLong_AsUnsignedLongLong(bits);
    Py_XDECREF(bits);
    return drawn;
}

static inline uint64_t
next_bits(Draws *self)
{
    if (self->overridden) {
        return asked_bits(self);
    }
    if (self->left == 0) {
        philox(self->key, ++self->counter, self->outputs);
        self->left = 4;
    }
    return self->outputs[4 - self->left--];
}

static inline double
next_unit(Draws *self)
{
    return (double)(next_bits(self) >> 11) * 0x1p-53;
}

/* -- logarithm, exponential and normal quantile, operation by operation as in the twin */

static const double LN2_HIGH = 0x1.62e42fefa3800p-1, LN2_LOW = 0x1.ef35793c76730p-45, LOG2_E = 0x1.71547652b82fep+0;

static double
own_log(double x)
{
    int exponent;
    double mantissa = frexp(x, &exponent);
    if (mantissa < sqrt(0.5)) {
        mantissa *= 2.0;
        exponent -= 1;
    }
    double s = (mantissa - 1.0) / (mantissa + 1.0), z = s * s, series = 0.0;
    for (int k = 11; k >= 0; k--) {
        series = series * z + 1.0 / (double)(2 * k + 1);
    }
    return exponent * LN2_HIGH + (exponent * LN2_LOW + 2.0 * s * series);
}

static double
own_exp(double x)
{
    if (x > 709.7) {
        return Py_HUGE_VAL;
    }
    if (x < -745.0) {
        return 0.0;
    }
    int power = (int)(x * LOG2_E + (x >= 0.0 ? 0.5 : -0.5));
    double r = (x - power * LN2_HIGH) - power * LN2_LOW, series = 1.0;
    for (int k = 14; k > 0; k--) {
        series = series * r / k + 1.0;
    }
    return ldexp(series, power);
}

/* Wichura, Algorithm AS 241 (PPND16), 1988: numerators and denominators, the highest power first. */
static const double CENTRE[2][8] = {
    {2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125,
     1971.5909503065514427, 133.14166789178437745, 3.387132872796366608},
    {5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077,
     687.1870074920579083, 42.313330701600911252, 1.0},
};
static const double NEAR_TAIL[2][8] = {
    {7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734},
    {1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0},
};
static const double FAR_TAIL[2][8] = {
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772},
    {2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0},
};

static double
ratio_of(const double coefficients[2][8], double x)
{
    double value[2] = {0.0, 0.0};
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < 8; i++) {
            value[part] = value[part] * x + coefficients[part][i];
        }
    }
    return value[0] / value[1];
}

static double
own_normal_quantile(double p)
{
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q, numerator = 0.0, denominator = 0.0;
        for (int i = 0; i < 8; i++) {
            numerator = numerator * r + CENTRE[0][i];
            denominator = denominator * r + CENTRE[1][i];
        }
        return q * numerator / denominator;
    }
    double r = sqrt(-own_log(q < 0.0 ? p : 1.0 - p));
    double value = r <= 5.0 ? ratio_of(NEAR_TAIL, r - 1.6) : ratio_of(FAR_TAIL, r - 5.0);
    return q < 0.0 ? -value : value;
}

static double
next_standard_normal(Draws *self)
{
    return own_normal_quantile(((double)(next_bits(self) >> 12) + 0.5) * 0x1p-52);
}

/* -- methods */

static PyObject *
draws_bits64(Draws *self, PyObject *unused)
{
    return PyLong_FromUnsignedLongLong(next_bits(self));
}

static PyObject *
draws_random(Draws *self, PyObject *unused)
{
    return PyFloat_FromDouble(next_unit(self));
}

static PyObject *
draws_standard_normal(Draws *self, PyObject *unused)
{
    return PyFloat_FromDouble(next_standard_normal(self));
}

static PyObject *
draws_below(Draws *self, PyObject *n)
{
    if (!PyLong_Check(n)) {
        return PyErr_Format(PyExc_TypeError, "an integer is wanted, not %R", n);
    }
    int overflow;
    long long limit = PyLong_AsLongLongAndOverflow(n, &overflow);
    if (overflow < 0 || (overflow == 0 && limit <= 0)) {
        return PyErr_Format(PyExc_ValueError, "no integer in [0, %S)", n);
    }
    if (overflow == 0) {
        unsigned __int128 product = (unsigned __int128)next_bits(self) * (uint64_t)limit;
        return PyLong_FromUnsignedLongLong((uint64_t)(product >> 64));
    }
    PyObject *bits = draws_bits64(self, NULL), *shift = PyLong_FromLong(64);
    PyObject *product = bits == NULL ? NULL : PyNumber_Multiply(bits, n);
    PyObject *drawn = product == NULL || shift == NULL ? NULL : PyNumber_Rshift(product, shift);
    Py_XDECREF(bits);
    Py_XDECREF(shift);
    Py_XDECREF(product);
    return drawn;
}

/* Read up to two numbers; -1 with an exception. */
static int
numbers(PyObject *const *args, Py_ssize_t count, Py_ssize_t wanted, double *one, double *other, const char *name)
{
    if (count != wanted) {
        PyErr_Format(PyExc_TypeError, "%s() takes %zd numbers, not %zd", name, wanted, count);
        return -1;
    }
    *one = PyFloat_AsDouble(args[0]);
    if (wanted == 2 && !PyErr_Occurred()) {
        *other = PyFloat_AsDouble(args[1]);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *
draws_chance(Draws *self, PyObject *p)
{
    double probability = PyFloat_AsDouble(p);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(next_unit(self) < probability);
}

static PyObject *
draws_uniform(Draws *self, PyObject *const *args, Py_ssize_t count)
{
    double low = 0.0, high = 0.0;
    if (numbers(args, count, 2, &low, &high, "uniform") < 0) {
        return NULL;
    }
    if (!PyFloat_CheckExact(args[0]) || !PyFloat_CheckExact(args[1])) {
        /* The difference of two large integers is exact in Python. */
        PyObject *width = PyNumber_Subtract(args[1], args[0]);
        double wide = width == NULL ? -1.0 : PyFloat_AsDouble(width);
        Py_XDECREF(width);
        return PyErr_Occurred() ? NULL : PyFloat_FromDouble(low + wide * next_unit(self));
    }
    return PyFloat_FromDouble(low + (high - low) * next_unit(self));
}

static PyObject *
draws_exponential(Draws *self, PyObject *mean)
{
    double average = PyFloat_AsDouble(mean);
    return PyErr_Occurred() ? NULL : PyFloat_FromDouble(-average * own_log(1.0 - next_unit(self)));
}

static PyObject *
draws_normal(Draws *self, PyObject *const *args, Py_ssize_t count)
{
    double mean = 0.0, std = 0.0;
    return numbers(args, count, 2, &mean, &std, "normal") < 0
               ? NULL
               : PyFloat_FromDouble(mean + std * next_standard_normal(self));
}

static PyObject *
draws_lognormal(Draws *self, PyObject *const *args, Py_ssize_t count)
{
    double median = 0.0, sigma = 0.0;
    return numbers(args, count, 2, &median, &sigma, "lognormal") < 0
               ? NULL
               : PyFloat_FromDouble(median * own_exp(sigma * next_standard_normal(self)));
}

static PyObject *
draws_bytes(Draws *self, PyObject *n)
{
    Py_ssize_t size = PyLong_AsSsize_t(n);
    PyObject *bytes = size == -1 && PyErr_Occurred() ? NULL : PyBytes_FromStringAndSize(NULL, size < 0 ? 0 : size);
    if (bytes != NULL) {
        char *place = PyBytes_AS_STRING(bytes);
        for (Py_ssize_t done = 0; done < size; done += 8) {
            uint64_t word = next_bits(self);
            memcpy(place + done, &word, size - done < 8 ? size - done : 8);
        }
    }
    return bytes;
}

static int
draws_init(Draws *self, PyObject *args, PyObject *options)
{
    static char *keywords[] = {"name", "key", NULL};
    PyObject *name, *key;
    if (!PyArg_ParseTupleAndKeywords(args, options, "UO!", keywords, &name, &PyLong_Type, &key)) {
        return -1;
    }
    PyObject *bytes = PyObject_CallMethod(key, "to_bytes", "is", 16, "little");
    if (bytes == NULL) {
        return -1;
    }
    memcpy(self->key, PyBytes_AS_STRING(bytes), sizeof(self->key));
    Py_DECREF(bytes);
    Py_XSETREF(self->name, Py_NewRef(name));
    PyObject *own = PyObject_GetAttrString((PyObject *)&Draws_Type, "bits64");
    PyObject *its = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "bits64");
    self->overridden = own != its;
    Py_XDECREF(own);
    Py_XDECREF(its);
    self->counter = 0;
    self->left = 0;
    return its == NULL ? -1 : 0;
}

static void
draws_dealloc(Draws *self)
{
    Py_CLEAR(self->name);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef draws_methods[] = {
    {"bits64", (PyCFunction)draws_bits64, METH_NOARGS, "Return the next draw as an integer in [0, 2**64)."},
    {"random", (PyCFunction)draws_random, METH_NOARGS, "Return a float in [0, 1) with 53 random bits."},
    {"below", (PyCFunction)draws_below, METH_O, "Return an integer in [0, n)."},
    {"chance", (PyCFunction)draws_chance, METH_O, "Return True with probability `p`."},
    {"uniform", QUICK(draws_uniform), METH_FASTCALL, "Return a float in [low, high)."},
    {"exponential", (PyCFunction)draws_exponential, METH_O, "Return an exponentially distributed float."},
    {"standard_normal", (PyCFunction)draws_standard_normal, METH_NOARGS, "Return a float, mean 0 and deviation 1."},
    {"normal", QUICK(draws_normal), METH_FASTCALL, "Return a normally distributed float."},
    {"lognormal", QUICK(draws_lognormal), METH_FASTCALL, "Return a float whose logarithm is normal."},
    {"bytes", (PyCFunction)draws_bytes, METH_O, "Return `n` random bytes; takes one draw for every eight."},
    {NULL, NULL, 0, NULL},
};

static PyObject *
draws_key(Draws *self, void *unused)
{
    PyObject *bytes = PyBytes_FromStringAndSize((char *)self->key, sizeof(self->key));
    PyObject *key = bytes == NULL ? NULL : PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "Os", bytes, "little");
    Py_XDECREF(bytes);
    return key;
}

static PyGetSetDef draws_getset[] = {
    {"_key", (getter)draws_key, NULL, "128 bits, of seed and name.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef draws_members[] = {
    {"name", T_OBJECT, offsetof(Draws, name), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject Draws_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "simkit.kernel.core._core.Draws",
    .tp_basicsize = sizeof(Draws),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "The draws of a stream; see simkit.kernel.stream.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)draws_init,
    .tp_dealloc = (destructor)draws_dealloc,
    .tp_methods = draws_methods,
    .tp_members = draws_members,
    .tp_getset = draws_getset,
};

/* -- the functions of `arithmetic` */

static PyObject *
log_function(PyObject *module, PyObject *x)
{
    double value = PyFloat_AsDouble(x);
    if (PyErr_Occurred()) {
        return NULL;
    }
    return value <= 0.0 ? PyErr_Format(PyExc_ValueError, "logarithm of %S", x) : PyFloat_FromDouble(own_log(value));
}

static PyObject *
exp_function(PyObject *module, PyObject *x)
{
    double value = PyFloat_AsDouble(x);
    return PyErr_Occurred() ? NULL : PyFloat_FromDouble(own_exp(value));
}

static PyObject *
normal_quantile_function(PyObject *module, PyObject *p)
{
    double share = PyFloat_AsDouble(p);
    if (PyErr_Occurred()) {
        return NULL;
    }
    return 0.0 < share && share < 1.0 ? PyFloat_FromDouble(own_normal_quantile(share))
                                      : PyErr_Format(PyExc_ValueError, "no normal quantile at %S", p);
}
