#!/usr/bin/env python3
"""Many scripts at once on one cluster: the cluster's own floor, what users run today, and this host.

compare.py N [RUN ...]       RUN: floor, peer, toolhost (all of them)

    KUBECONFIG                 a cluster that nobody else uses; each run gets a namespace, deleted after it
    TOOLHOST_BENCH_AUDIT_LOG   the API server's audit log, for requests and delays; without it these are left out
    TOOLHOST_BENCH_FLOOR       a program `floor.py N NAMESPACE SECONDS` that makes bare Jobs and watches them
    TOOLHOST_BENCH_PEER        a program `peer --n N --namespace NAMESPACE --sleep SECONDS --out FILE`

A run whose program is not named is left out, and said to be. Prints a table in Markdown.
"""
import collections
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time

SLEEP_SECONDS = "2"
# How long the controllers go on after a run, and how long a run may take.
SETTLE_SECONDS, MAX_RUN_SECONDS = 10, 900
PARTS = ("kube-", "kubelet", "kwok", "kubectl", "cluster-", "etcd")


def kubectl(*arguments):
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout


def milliseconds(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() * 1000


def percentile(values, share):
    values = sorted(values)
    return round(values[max(0, int(-(-len(values) * share // 1)) - 1)]) if values else None


def toolhost(n, namespace, out):
    command = ["cargo", "bench", "--quiet", "-p", "toolhost", "--bench", "cluster", "--"]
    # Components are compiled before anything is measured.
    subprocess.run([*command, "--n", "0"], check=True, capture_output=True)
    return command + ["--n", n, "--namespace", namespace, "--sleep", SLEEP_SECONDS, "--out", out]


def floor(n, namespace, _out):
    program = os.environ.get("TOOLHOST_BENCH_FLOOR")
    return program and ["python3", program, n, namespace, SLEEP_SECONDS]


def peer(n, namespace, out):
    program = os.environ.get("TOOLHOST_BENCH_PEER")
    return program and [program, "--n", n, "--namespace", namespace, "--sleep", SLEEP_SECONDS, "--out", out]


def seen_by_the_server(namespace, calls):
    """Requests a job without watches, and how long after a pod's last status write each result came."""
    path = os.environ.get("TOOLHOST_BENCH_AUDIT_LOG")
    if not path:
        return None, []
    results = {call["pod_name"]: call["end_ms"] for call in calls if call.get("pod_name")}
    requests, written = 0, collections.defaultdict(list)
    for line in open(path):
        event = json.loads(line)
        reference = event.get("objectRef") or {}
        if reference.get("namespace") != namespace or event["stage"] != "ResponseComplete":
            continue
        is_part = any(event.get("userAgent", "").startswith(part) for part in PARTS)
        requests += not is_part and event["verb"] != "watch"
        name = reference.get("name")
        if is_part and reference.get("subresource") == "status" and name in results:
            written[name].append(milliseconds(event["stageTimestamp"]))
    delays = []
    for name, times in written.items():
        before = [at for at in times if at <= results[name]]
        delays += [results[name] - max(before)] if before else []
    return requests, delays


def run(name, n):
    namespace = f"bench-{name}-{int(time.time())}"
    with tempfile.NamedTemporaryFile() as out:
        command = globals()[name](str(n), namespace, out.name)
        if not command:
            print(f"left out: {name}, whose program is not named", file=sys.stderr)
            return
        kubectl("create", "namespace", namespace)
        ran = subprocess.run(command, capture_output=True, text=True, timeout=MAX_RUN_SECONDS)
        if ran.returncode:
            sys.exit(f"{name}: ended with {ran.returncode}\n{ran.stderr}")
        lines = [json.loads(line) for line in open(out.name)]
    totals = lines[-1] if lines else json.loads(ran.stdout.splitlines()[-1])
    calls = [line for line in lines if "end_ms" in line]
    done = totals.get("done", totals.get("completed", totals.get("statuses", {}).get("success")))
    if done != n:
        sys.exit(f"{name}: {done} of {n} jobs were seen to succeed")
    time.sleep(SETTLE_SECONDS)
    requests, delays = seen_by_the_server(namespace, calls)
    kubectl("delete", "namespace", namespace, "--wait=true", "--timeout=600s")
    memory = totals.get("rss_peak_kib")
    return {
        "total": totals["total_s"],
        "requests": requests and requests / n,
        "cpu": totals.get("cpu_ms_per_job"),
        "memory": memory and memory / 1024,
        "delays": delays,
    }


def shown(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def main():
    n, names = int(sys.argv[1]), sys.argv[2:] or ["floor", "peer", "toolhost"]
    print("| run | total s | of the floor | requests a job | CPU ms a job | peak RSS MiB |"
          " result after the pod's last status write, p50 / p99 ms |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    least = None
    for name in names:
        figures = run(name, n)
        if not figures:
            continue
        if name == "floor":
            least = figures["total"]
        share = figures["total"] / least if least else None
        delays = figures["delays"]
        delay = f"{percentile(delays, .5)} / {percentile(delays, .99)}" if delays else ""
        print(f"| {name} | {shown(figures['total'], 1)} | {shown(share, 2)} | {shown(figures['requests'], 2)} |"
              f" {shown(figures['cpu'], 1)} | {shown(figures['memory'], 0)} | {delay} |", flush=True)


main()
