# Times PyTorch expressions given as JSON on standard input; prints seconds by name, medians.
import json, statistics, sys, time
import torch
import torch.nn.functional as F

job = json.load(sys.stdin)
torch.set_num_threads(job["threads"])
torch.manual_seed(1)


def r(*dims):
    return torch.rand(*dims) * 0.5


def c(x):
    return x.to(memory_format=torch.channels_last)


def seconds(call):
    calls, runs = 1, []
    while len(runs) < job["runs"]:
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        took = time.perf_counter() - begin
        if took < 0.04:
            calls *= 2
            continue
        runs.append(took / calls)
    return min(runs) if job["best"] else statistics.median(runs)


out = {}
for item in job["items"]:
    names = {"torch": torch, "F": F, "r": r, "c": c}
    exec(item["Setup"], names)
    code = compile(item["Code"], item["Name"], "eval")
    with torch.no_grad():
        out[item["Name"]] = seconds(lambda: eval(code, names))
print(json.dumps(out))
