// A bare priority queue of the standard library: what the machine can do at most.

#include "works.hpp"

struct Event {
    std::int64_t time_ns;
    std::int64_t sequence;
    Callback callback;
    void *argument;
    bool operator<(const Event &other) const {
        return time_ns != other.time_ns ? time_ns > other.time_ns : sequence > other.sequence;
    }
};

static std::priority_queue<Event> events;
static std::int64_t time_ns = 0, sequence = 0;

std::int64_t now_ns() { return time_ns; }

void schedule(std::int64_t delay_ns, Callback callback, void *argument) {
    events.push({time_ns + delay_ns, sequence++, callback, argument});
}

void run() {
    while (!events.empty()) {
        Event event = events.top();
        events.pop();
        time_ns = event.time_ns;
        event.callback(event.argument);
    }
}
