// The works timers, messages and mm1 as callbacks, for simulators in C++. An engine says what time it is and calls back
// later; everything else is the same for all of them. Input and output are 64-bit integers in files.
//
// A callback machine without coroutines is no fair rival of one with them: what a process would keep in its frame stands
// in structures here.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <queue>
#include <vector>

using Rows = std::vector<std::vector<std::int64_t>>;
using Callback = void (*)(void *);

// What each program defines.
std::int64_t now_ns();
void schedule(std::int64_t delay_ns, Callback, void *argument);
void run();

static std::vector<std::int64_t> order;
static std::int64_t end_ns = 0;

namespace timers {
struct Sleeper {
    std::int64_t number;
    const std::vector<std::int64_t> *delays_ns;
    std::size_t next = 0;
};

inline void wake(void *argument) {
    auto *sleeper = static_cast<Sleeper *>(argument);
    order.push_back(sleeper->number);
    if (sleeper->next < sleeper->delays_ns->size()) {
        schedule((*sleeper->delays_ns)[sleeper->next++], wake, sleeper);
    } else if (now_ns() > end_ns) {
        end_ns = now_ns();
    }
}

inline void begin(const Rows &rows) {
    static std::vector<Sleeper> sleepers;
    for (std::size_t i = 0; i < rows.size(); i++) {
        sleepers.push_back({static_cast<std::int64_t>(i), &rows[i]});
    }
    for (auto &sleeper : sleepers) {
        schedule((*sleeper.delays_ns)[sleeper.next++], wake, &sleeper);
    }
}
} // namespace timers

namespace messages {
struct Pair {
    std::int64_t number;
    const std::vector<std::int64_t> *latencies_ns; // there, back, there, ...
    std::size_t next = 0;
};

inline void arrive(void *argument) {
    auto *pair = static_cast<Pair *>(argument);
    order.push_back(pair->number);
    if (pair->next < pair->latencies_ns->size()) {
        schedule((*pair->latencies_ns)[pair->next++], arrive, pair);
    } else if (now_ns() > end_ns) {
        end_ns = now_ns();
    }
}

inline void begin(const Rows &rows) {
    static std::vector<Pair> pairs;
    for (std::size_t i = 0; i < rows.size(); i++) {
        pairs.push_back({static_cast<std::int64_t>(i), &rows[i]});
    }
    for (auto &pair : pairs) {
        schedule((*pair.latencies_ns)[pair.next++], arrive, &pair);
    }
}
} // namespace messages

namespace mm1 {
static const std::vector<std::int64_t> *gaps_ns, *services_ns;
static std::queue<std::int64_t> waiting;
static std::size_t arrived = 0;
static bool busy = false;

inline void serve();

inline void leave(void *argument) {
    order.push_back(reinterpret_cast<std::intptr_t>(argument));
    end_ns = now_ns();
    busy = false;
    serve();
}

inline void serve() {
    if (!busy && !waiting.empty()) {
        busy = true;
        std::int64_t customer = waiting.front();
        waiting.pop();
        schedule((*services_ns)[customer], leave, reinterpret_cast<void *>(customer));
    }
}

inline void arrive(void *) {
    waiting.push(static_cast<std::int64_t>(arrived++));
    serve();
    if (arrived < gaps_ns->size()) {
        schedule((*gaps_ns)[arrived], arrive, nullptr);
    }
}

inline void begin(const Rows &rows) {
    gaps_ns = &rows[0];
    services_ns = &rows[1];
    schedule((*gaps_ns)[0], arrive, nullptr);
}
} // namespace mm1

inline std::int64_t number_from(std::FILE *file) {
    std::int64_t number;
    if (std::fread(&number, sizeof number, 1, file) != 1) {
        std::exit(2);
    }
    return number;
}

inline double processor_seconds() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

// program WORK INPUT OUTPUT: the input is a count of rows, then each with its length; the output is the order.
int main(int, char **arguments) {
    std::FILE *input = std::fopen(arguments[2], "rb");
    Rows rows(number_from(input));
    std::size_t items = 0;
    for (auto &row : rows) {
        row.resize(number_from(input));
        items += row.size();
        for (auto &value : row) {
            value = number_from(input);
        }
    }
    order.reserve(items);
    (arguments[1][0] == 't' ? timers::begin : arguments[1][1] == 'e' ? messages::begin : mm1::begin)(rows);
    double begin = processor_seconds();
    run();
    double taken = processor_seconds() - begin;
    std::FILE *output = std::fopen(arguments[3], "wb");
    std::fwrite(order.data(), sizeof order[0], order.size(), output);
    std::fclose(output);
    std::printf("%.9f %lld\n", taken, static_cast<long long>(end_ns));
}
