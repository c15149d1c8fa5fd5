/* What of the network's classes the core is given, and the methods whose place it takes.
 *
 * See `simkit/network/handover.py`. Every class is looked at once: a field that is no slot is an ImportError.
 *
 * It deliberately leaves the twins as they are: they are kept, and called for what is out of the ordinary.
 */

static PyObject *given(PyObject *things, const char *name);

static int
find_places(void)
{
    const struct {
        PyTypeObject *type;
        const char *name;
        Py_ssize_t *place;
    } wanted[] = {
        {Endpoint_Type, "_network", &at.network},
        {Endpoint_Type, "_stack", &at.stack},
        {Endpoint_Type, "_paths", &at.paths},
        {Endpoint_Type, "_handlers", &at.handlers},
        {Endpoint_Type, "_last_message", &at.last_message},
        {Endpoint_Type, "_last_payload", &at.last_payload},
        {Network_Type, "epoch", &at.epoch},
        {Network_Type, "_messages", &at.messages},
        {Network_Type, "strict", &at.strict},
        {Interface_Type, "name", &at.name},
        {Interface_Type, "stack", &at.current_stack},
        {Interface_Type, "tampering", &at.tampering},
        {Stack_Type, "running", &at.running},
        {Stack_Type, "direct", &at.direct},
        {Stack_Type, "loop", &at.loop},
        {Stack_Type, "endpoint", &at.endpoint},
        {Path_Type, "source", &at.source},
        {Path_Type, "target", &at.target},
        {Path_Type, "network", &at.path_network},
        {Path_Type, "_epoch", &at.path_epoch},
        {Path_Type, "_plain", &at.plain},
        {Path_Type, "_one_way", &at.one_way},
        {Path_Type, "_stream", &at.stream},
        {Path_Type, "frame_bytes", &at.frame_bytes},
        {Path_Type, "_world", &at.world},
        {Path_Type, "records", &at.records},
        {Path_Type, "origin", &at.origin},
        {Parcel_Type, "path", &at.parcel_path},
        {Parcel_Type, "payload", &at.payload},
        {Parcel_Type, "sent_ns", &at.sent_ns},
        {Parcel_Type, "message", &at.message},
        {Parcel_Type, "number", &at.number},
        {Parcel_Type, "purpose", &at.purpose},
        {Handler_Type, "_function", &at.function},
        {Handler_Type, "_is_coroutine", &at.is_coroutine},
        {kinds[CONSTANT].type, "value", &kinds[CONSTANT].first},
        {kinds[CONSTANT].type, "value", &kinds[CONSTANT].second},
        {kinds[EXPONENTIAL].type, "average", &kinds[EXPONENTIAL].first},
        {kinds[EXPONENTIAL].type, "average", &kinds[EXPONENTIAL].second},
        {kinds[UNIFORM].type, "low", &kinds[UNIFORM].first},
        {kinds[UNIFORM].type, "high", &kinds[UNIFORM].second},
        {kinds[NORMAL].type, "average", &kinds[NORMAL].first},
        {kinds[NORMAL].type, "std", &kinds[NORMAL].second},
        {kinds[LOGNORMAL].type, "median", &kinds[LOGNORMAL].first},
        {kinds[LOGNORMAL].type, "sigma", &kinds[LOGNORMAL].second},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (find_slot(wanted[i].type, wanted[i].name, wanted[i].place) < 0) {
            return -1;
        }
    }
    return 0;
}

#define TYPES 14 /* so many of what is given are types */

static int
take_network(PyObject *things)
{
    const struct {
        void *place;
        const char *name;
    } wanted[] = {
        {&Endpoint_Type, "endpoint"},
        {&Path_Type, "path"},
        {&Parcel_Type, "parcel"},
        {&Handler_Type, "handler"},
        {&Stack_Type, "stack"},
        {&Interface_Type, "interface"},
        {&Network_Type, "network"},
        {&Message_Type, "message"},
        {&Batch_Type, "batch"},
        {&kinds[CONSTANT].type, "constant"},
        {&kinds[EXPONENTIAL].type, "exponential"},
        {&kinds[UNIFORM].type, "uniform"},
        {&kinds[NORMAL].type, "normal"},
        {&kinds[LOGNORMAL].type, "lognormal"},
        {&Origin_Type, "origin"},
        {&current_origin, "current_origin"},
        {&purposes[SEND], "send"},
        {&purposes[REQUEST], "request"},
        {&purposes[REPLY], "reply"},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        PyObject *thing = given(things, wanted[i].name);
        if (thing == NULL) {
            return -1;
        }
        if (i < TYPES && !PyType_Check(thing)) {
            PyErr_Format(PyExc_TypeError, "%s is a type", wanted[i].name);
            return -1;
        }
        *(PyObject **)wanted[i].place = thing;
    }
    PyObject *header = given(things, "header_bytes");
    datagram_header_bytes = header == NULL ? -1 : PyLong_AsSsize_t(header);
    return PyErr_Occurred() ? -1 : find_places();
}

static PyMethodDef quick_encode = {
    "encode", (PyCFunction)message_encode, METH_NOARGS,
    "encode($self)\n--\n\nReturn the bytes on the wire; OverflowError for a plain int beyond 64 bits."};

static PyMethodDef endpoint_methods[] = {
    {"send", QUICK(endpoint_send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, target, message)\n--\n\n"
     "Send a datagram: it may be lost, and overtaken. `socket.gaierror` if there is no such host."},
    {"_launch", QUICK(endpoint_launch), METH_FASTCALL | METH_KEYWORDS, "Send a message along a path."},
};

/* Take the place of a method of the twin, and keep it for what is left to it. */
static int
replace(PyTypeObject *type, PyMethodDef *method, PyObject **reference)
{
    *reference = PyObject_GetAttrString((PyObject *)type, method->ml_name);
    PyObject *quick = *reference == NULL ? NULL : PyDescr_NewMethod(type, method);
    int done = quick == NULL ? -1 : PyObject_SetAttrString((PyObject *)type, method->ml_name, quick);
    Py_XDECREF(quick);
    return done;
}

static PyObject *
carry_messages(PyObject *module, PyObject *things)
{
    if (Endpoint_Type != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the core carries messages already");
        return NULL;
    }
    if (!PyDict_Check(things) || take_network(things) < 0 ||
        replace(Endpoint_Type, &endpoint_methods[0], &reference_send) < 0 ||
        replace(Endpoint_Type, &endpoint_methods[1], &reference_launch) < 0 ||
        replace(Message_Type, &quick_encode, &reference_encode) < 0) {
        return NULL;
    }
    own_encode = PyObject_GetAttrString((PyObject *)Message_Type, quick_encode.ml_name);
    Py_RETURN_NONE;
}
