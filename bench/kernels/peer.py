# Times PyTorch expressions. Reads one JSON object a line: {"setup": text} makes tensors, {"code": text,
# "calls": n, "threads": n} answers the seconds that so many calls take, or null where PyTorch refuses.
import json, sys, time
import torch
import torch.nn.functional as F

torch.manual_seed(1)


def r(*dims):
    return torch.rand(*dims) * 0.5


def c(x):
    return x.to(memory_format=torch.channels_last)


def packed(w, rows):
    return torch.ops.mkldnn._reorder_linear_weight(w, rows)


names, calls, threads = {}, {}, 0
for line in sys.stdin:
    job = json.loads(line)
    if job.get("threads", threads) != threads:
        threads = job["threads"]
        torch.set_num_threads(threads)
    answer = None
    try:
        with torch.no_grad():
            if "setup" in job:
                names, calls = {"torch": torch, "F": F, "r": r, "c": c, "packed": packed}, {}
                exec(job["setup"], names)
            else:
                if job["code"] not in calls:
                    calls[job["code"]] = eval("lambda: " + job["code"], names)
                    calls[job["code"]]()
                call = calls[job["code"]]
                begin = time.perf_counter()
                for _ in range(job["calls"]):
                    call()
                answer = time.perf_counter() - begin
    except (RuntimeError, AttributeError, NameError) as e:
        print(job.get("code", "setup"), str(e)[:100], file=sys.stderr)
    print(json.dumps(answer), flush=True)
