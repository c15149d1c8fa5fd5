// The peer of benchmarks/linearizability: porcupine on the same histories, one line of JSON on standard output.
//
// Reads histories from standard input as JSON: a list of {"model": "etcd" | "kv", "operations": [[client, function, key,
// argument, expected, output, call, return], ...]}; a return of -1 stands for an operation that never returned. Only the
// checks are timed; reading the histories is not.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"syscall"

	"github.com/anishathalye/porcupine"
)

type input struct {
	function      string
	key           string
	value         string
	number, other int
}

type output struct {
	value   string
	number  int
	ok      bool
	unknown bool
}

const missing = -1000000

var etcd = porcupine.Model{
	Init: func() interface{} { return missing },
	Step: func(state, in, out interface{}) (bool, interface{}) {
		st, inp, outp := state.(int), in.(input), out.(output)
		switch inp.function {
		case "read":
			return outp.unknown || outp.number == st, st
		case "write":
			return true, inp.number
		}
		ok := outp.unknown || outp.ok == (inp.other == st)
		if inp.other == st {
			return ok, inp.number
		}
		return ok, st
	},
	Hash: func(state interface{}) uint64 { return uint64(state.(int)) },
}

var kv = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		var keys []string
		for _, each := range history {
			key := each.Input.(input).key
			if _, known := byKey[key]; !known {
				keys = append(keys, key)
			}
			byKey[key] = append(byKey[key], each)
		}
		var parts [][]porcupine.Operation
		for _, key := range keys {
			parts = append(parts, byKey[key])
		}
		return parts
	},
	Init: func() interface{} { return "" },
	Step: func(state, in, out interface{}) (bool, interface{}) {
		st, inp, outp := state.(string), in.(input), out.(output)
		switch inp.function {
		case "get":
			return outp.unknown || outp.value == st, st
		case "put":
			return true, inp.value
		}
		return true, st + inp.value
	},
	Hash: func(state interface{}) uint64 {
		hash := fnv.New64a()
		hash.Write([]byte(state.(string)))
		return hash.Sum64()
	},
}

func number(value interface{}) int {
	if value == nil {
		return missing
	}
	return int(value.(float64))
}

func text(value interface{}) string {
	if value == nil {
		return ""
	}
	if found, is := value.(string); is {
		return found
	}
	return strconv.FormatFloat(value.(float64), 'f', -1, 64)
}

func operations(model string, rows [][]interface{}) []porcupine.Operation {
	var found []porcupine.Operation
	end := int64(1) << 40
	for _, row := range rows {
		operation := porcupine.Operation{ClientId: int(row[0].(float64)), Call: int64(row[6].(float64))}
		operation.Return = int64(row[7].(float64))
		in := input{function: row[1].(string), key: text(row[2])}
		out := output{}
		if operation.Return < 0 {
			operation.Return, out.unknown = end, true
			end++
		}
		if model == "etcd" {
			in.number, in.other = number(row[3]), number(row[4])
			if ok, is := row[5].(bool); is {
				out.ok = ok
			} else {
				out.number = number(row[5])
			}
		} else {
			in.value, out.value = text(row[3]), text(row[5])
		}
		operation.Input, operation.Output = in, out
		found = append(found, operation)
	}
	return found
}

func processorSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func main() {
	var histories []struct {
		Model      string          `json:"model"`
		Operations [][]interface{} `json:"operations"`
	}
	if err := json.NewDecoder(bufio.NewReader(os.Stdin)).Decode(&histories); err != nil {
		panic(err)
	}
	repeat, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	models := map[string]porcupine.Model{"etcd": etcd, "kv": kv}
	ready := make([][]porcupine.Operation, len(histories))
	for i, each := range histories {
		ready[i] = operations(each.Model, each.Operations)
	}
	verdicts := make([]bool, len(histories))
	began := processorSeconds()
	for round := 0; round < repeat; round++ {
		for i, each := range histories {
			verdicts[i] = porcupine.CheckOperations(models[each.Model], ready[i])
		}
	}
	taken := processorSeconds() - began
	answer, err := json.Marshal(map[string]interface{}{"seconds": taken, "verdicts": verdicts})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(answer))
}
