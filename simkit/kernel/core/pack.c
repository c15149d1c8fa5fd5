/* Writing MessagePack: the plain values of records and messages, byte for byte as msgspec writes them.
 *
 * It deliberately stops at what is not plain, and at the end of the room that it is given: the caller then asks msgspec, or
 * gives more room.
 */

typedef struct {
    unsigned char *at;
    unsigned char *end;
    char full; /* there was not enough room */
} Pen;

/* Every function here returns whether it wrote. */

static inline int
has_room(Pen *pen, Py_ssize_t size)
{
    if (pen->end - pen->at >= size) {
        return 1;
    }
    pen->full = 1;
    return 0;
}

static inline int
write_byte(Pen *pen, unsigned char byte)
{
    if (!has_room(pen, 1)) {
        return 0;
    }
    *pen->at++ = byte;
    return 1;
}

/* A type byte and a number behind it. */
static inline int
write_number(Pen *pen, unsigned char type, uint64_t value, int bytes)
{
    if (!has_room(pen, 1 + bytes)) {
        return 0;
    }
    *pen->at++ = type;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        *pen->at++ = (unsigned char)(value >> shift);
    }
    return 1;
}

static int
write_signed(Pen *pen, int64_t value)
{
    if (value >= 0) {
        return value < 128                   ? write_byte(pen, (unsigned char)value)
               : value < 256                 ? write_number(pen, 0xcc, value, 1)
               : value < 65536               ? write_number(pen, 0xcd, value, 2)
               : value < (INT64_C(1) << 32)  ? write_number(pen, 0xce, value, 4)
                                             : write_number(pen, 0xcf, value, 8);
    }
    return value >= -32                   ? write_byte(pen, (unsigned char)value)
           : value >= -128                ? write_number(pen, 0xd0, value, 1)
           : value >= -32768              ? write_number(pen, 0xd1, value, 2)
           : value >= -(INT64_C(1) << 31) ? write_number(pen, 0xd2, value, 4)
                                          : write_number(pen, 0xd3, value, 8);
}

static inline int
write_raw(Pen *pen, const void *bytes, Py_ssize_t size)
{
    if (!has_room(pen, size)) {
        return 0;
    }
    memcpy(pen->at, bytes, size);
    pen->at += size;
    return 1;
}

static int
write_text(Pen *pen, PyObject *text)
{
    Py_ssize_t size;
    const char *utf8;
    if (PyUnicode_IS_COMPACT_ASCII(text)) {
        utf8 = (const char *)PyUnicode_1BYTE_DATA(text);
        size = PyUnicode_GET_LENGTH(text);
    } else if ((utf8 = PyUnicode_AsUTF8AndSize(text, &size)) == NULL) {
        PyErr_Clear(); /* half a character, which nobody can write */
        return 0;
    }
    int began = size < 32      ? write_byte(pen, (unsigned char)(0xa0 | size))
                : size < 256   ? write_number(pen, 0xd9, size, 1)
                : size < 65536 ? write_number(pen, 0xda, size, 2)
                               : write_number(pen, 0xdb, size, 4);
    return began && write_raw(pen, utf8, size);
}

/* A value that records may hold. */
static int
write_plain(Pen *pen, PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        return write_text(pen, value);
    }
    if (PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        return !overflow && write_signed(pen, number);
    }
    if (value == Py_None || value == Py_True || value == Py_False) {
        return write_byte(pen, value == Py_None ? 0xc0 : value == Py_True ? 0xc3 : 0xc2);
    }
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        uint64_t bits;
        memcpy(&bits, &number, 8);
        return write_number(pen, 0xcb, bits, 8);
    }
    return 0;
}
