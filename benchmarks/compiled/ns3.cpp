// ns-3's simulator core with its default scheduler, a std::map.

#include "works.hpp"

#include <ns3/nstime.h>
#include <ns3/simulator.h>

std::int64_t now_ns() { return ns3::Simulator::Now().GetNanoSeconds(); }

void schedule(std::int64_t delay_ns, Callback callback, void *argument) {
    ns3::Simulator::Schedule(ns3::NanoSeconds(delay_ns), callback, argument);
}

void run() { ns3::Simulator::Run(); }
