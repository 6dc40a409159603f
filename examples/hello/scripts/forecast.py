"""Prints a forecast. The arguments come as JSON in the first argument."""

import json
import os
import sys

args = json.loads(sys.argv[1])
print(f"[{os.environ['LOG_LEVEL']}] {args['days']} days in {args['city']}", flush=True)
for day in range(args["days"]):
    print(f"day {day + 1}: sunny", flush=True)
print(args["note"])
