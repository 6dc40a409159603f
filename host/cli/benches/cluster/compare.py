#!/usr/bin/env python3
"""Many scripts at once on one cluster: the cluster's own floor, what users run today, and this host.

compare.py N [RUN ...]       RUN: floor, peer, toolhost, secret (all of them)

    KUBECONFIG                 a cluster without other users; each run gets a namespace, deleted after it
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
# How long the controllers go on after a run, how long a run may take, and how often its memory is looked at.
SETTLE_SECONDS, MAX_RUN_SECONDS, SAMPLE_SECONDS = 10, 900, 0.5
# Whose status writes are looked for, and what a call says of their names.
NAMES = {"pods": "pod_name", "jobs": "job_name"}
PARTS = ("kube-", "kubelet", "kwok", "kubectl", "cluster-", "etcd")


def kubectl(*arguments):
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout


def milliseconds(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() * 1000


def percentile(values, share):
    values = sorted(values)
    return round(values[max(0, int(-(-len(values) * share // 1)) - 1)]) if values else None


def toolhost(n, namespace, out):
    command = ["cargo", "bench", "--quiet", "-p", "toolhost-cli", "--bench", "cluster", "--"]
    # Components are compiled before anything is measured.
    subprocess.run([*command, "--n", "0"], check=True, capture_output=True)
    return command + ["--n", n, "--namespace", namespace, "--sleep", SLEEP_SECONDS, "--out", out]


def secret(n, namespace, out):
    return toolhost(n, namespace, out) + ["--secret"]


def floor(n, namespace, _out):
    program = os.environ.get("TOOLHOST_BENCH_FLOOR")
    return program and ["python3", program, n, namespace, SLEEP_SECONDS]


def peer(n, namespace, out):
    program = os.environ.get("TOOLHOST_BENCH_PEER")
    return program and [program, "--n", n, "--namespace", namespace, "--sleep", SLEEP_SECONDS, "--out", out]


def seen_by_the_server(namespace, calls):
    """Requests a job without watches, and how long after the last status writes each result came: of its
    pod those before it, of its Job all, so that a result that was there before is one of less than 0 ms."""
    path = os.environ.get("TOOLHOST_BENCH_AUDIT_LOG")
    if not path:
        return None, {}
    results = {kind: {call[name]: call["end_ms"] for call in calls if call.get(name)} for kind, name in NAMES.items()}
    requests, written = 0, {kind: collections.defaultdict(list) for kind in NAMES}
    for line in open(path):
        event = json.loads(line)
        reference = event.get("objectRef") or {}
        if reference.get("namespace") != namespace or event["stage"] != "ResponseComplete":
            continue
        is_part = any(event.get("userAgent", "").startswith(part) for part in PARTS)
        requests += not is_part and event["verb"] != "watch"
        kind, name = reference.get("resource"), reference.get("name")
        if is_part and reference.get("subresource") == "status" and name in results.get(kind, ()):
            at, result = milliseconds(event["stageTimestamp"]), results[kind][name]
            if kind == "jobs" or at <= result:
                written[kind][name].append(at)
    delays = {kind: [results[kind][name] - max(times) for name, times in of_kind.items()]
              for kind, of_kind in written.items()}
    return requests, delays


def memory_of(command, log):
    """Runs a program to its end; returns the most memory in KiB that it, or one that it starts, was seen to take,
    each page that is mapped more than once counted once, as the limit of a container counts it."""
    program = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)
    most, give_up = 0, time.time() + MAX_RUN_SECONDS
    while program.poll() is None:
        if time.time() > give_up:
            program.kill()
        for process in family(program.pid):
            try:
                lines = open(f"/proc/{process}/smaps_rollup").readlines()
            except OSError:
                continue
            most = max([most, *(int(line.split()[1]) for line in lines if line.startswith("Pss:"))])
        time.sleep(SAMPLE_SECONDS)
    return program.returncode, most


def family(process):
    """Those processes without children that descend from this one."""
    try:
        children = [int(child) for task in os.listdir(f"/proc/{process}/task")
                    for child in open(f"/proc/{process}/task/{task}/children").read().split()]
    except OSError:
        return []
    return [leaf for child in children for leaf in family(child)] or [process]


def run(name, n):
    namespace = f"bench-{name}-{int(time.time())}"
    with tempfile.NamedTemporaryFile() as out, tempfile.TemporaryFile("w+") as log:
        command = globals()[name](str(n), namespace, out.name)
        if not command:
            print(f"left out: {name}, whose program is not named", file=sys.stderr)
            return
        kubectl("create", "namespace", namespace)
        # A moment earlier the first requests for Jobs in it fail.
        kubectl("wait", "--namespace", namespace, "--for=create", "serviceaccount/default", "--timeout=30s")
        code, shared_once = memory_of(command, log)
        log.seek(0)
        said = log.read()
        if code:
            sys.exit(f"{name}: ended with {code}\n{said}")
        lines = [json.loads(line) for line in open(out.name)]
    totals = lines[-1] if lines else json.loads([line for line in said.splitlines() if line.startswith('{')][-1])
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
        "shared_once": memory and shared_once / 1024,
        "delays": delays,
    }


def shown(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def main():
    n, names = int(sys.argv[1]), sys.argv[2:] or ["floor", "peer", "toolhost", "secret"]
    print("| run | total s | of the floor | requests a job | CPU ms a job | peak RSS MiB | each page once |"
          " result after the pod's last status write, p50 / p99 ms | after the Job's |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    least = None
    for name in names:
        figures = run(name, n)
        if not figures:
            continue
        if name == "floor":
            least = figures["total"]
        share = figures["total"] / least if least else None
        delays = [figures["delays"].get(kind) for kind in NAMES]
        pods, jobs = (f"{percentile(of_kind, .5)} / {percentile(of_kind, .99)}" if of_kind else "" for of_kind in delays)
        print(f"| {name} | {shown(figures['total'], 1)} | {shown(share, 2)} | {shown(figures['requests'], 2)} |"
              f" {shown(figures['cpu'], 1)} | {shown(figures['memory'], 0)} |"
              f" {shown(figures['shared_once'], 0)} | {pods} | {jobs} |", flush=True)


main()
