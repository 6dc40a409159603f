import { detailsOf } from '../details.ts';
import type { Interfaces, RawSecretEntry } from '../interfaces.ts';
import type { SecretEntry } from '../secret.ts';
import { MockJobHandle, MockJobSpec, MockObject, MockSecret, parsed } from './handle.ts';
import { MockJob } from './job.ts';
import { type Journal, refuse } from './journal.ts';
import { checkJobName, checkVariableName } from './name.ts';

/** The maximum number of entries of a secret that a host accepts. */
const MAX_ENTRIES = 1000;

/** The interfaces of a host that has these objects, and these fates for the next jobs. */
export function interfacesOf(
  stored: Map<string, Uint8Array>,
  fates: MockJob[],
  journal: Journal,
): Required<Interfaces> {
  return {
    objects: {
      fetchObject(uri, pairs) {
        const options = parsed(pairs);
        journal.record({ operation: 'fetchObject', uri, options });
        const bytes = stored.get(uri) ?? refuse(`\`${uri}\` does not exist`, 'FetchNotFound');
        const object = new MockObject(bytes, uri);
        const pinned = options.sha256;
        if (pinned !== undefined && pinned !== object.sha256) {
          refuse(`\`${uri}\` does not match the pinned digest`, 'ChecksumMismatch');
        }
        return object;
      },
      createObject(bytes) {
        journal.record({ operation: 'createObject', bytes });
        return new MockObject(bytes);
      },
    },
    secrets: {
      createSecret(raw) {
        const entries = entriesOf(raw);
        journal.record({ operation: 'createSecret', entries });
        if (entries.length > MAX_ENTRIES) {
          refuse(`too many entries of a secret: at most ${MAX_ENTRIES} are allowed`, 'TooLarge');
        }
        const names = new Set<string>();
        for (const { name, format } of entries) {
          checkVariableName(name);
          if (names.has(name)) {
            refuse(`the variable \`${name}\` is given twice`);
          }
          if (format !== 'text' && format !== 'json') {
            refuse(`unknown format \`${format}\` for a secret`, 'Unsupported');
          }
          names.add(name);
        }
        return new MockSecret(raw);
      },
    },
    jobs: {
      JobSpec: MockJobSpec,
      createJob(raw) {
        const { name, options, script, environment } = raw as MockJobSpec;
        journal.record({
          operation: 'createJob',
          name,
          options,
          ...(script === undefined ? {} : { script }),
          environment: entriesOf(environment),
        });
        checkJobName(name);
        return new MockJobHandle(name, fates.shift() ?? MockJob.succeeds(), journal);
      },
      watchJob: (job) => (job as MockJobHandle).watch(),
      cancel: (job, reason) => (job as MockJobHandle).cancel(reason),
    },
    logs: {
      readLogs: (job, cursor, maxRecords) => (job as MockJobHandle).readLogs(cursor, maxRecords),
      readExcerpt: (job, attempt, maxBytes) =>
        (job as MockJobHandle).readExcerpt(attempt, maxBytes),
    },
    progress: {
      report(stage, message, pairs) {
        journal.record({ operation: 'report', stage, message, details: detailsOf(pairs) });
      },
      log: (level, message) => journal.record({ operation: 'log', level, message }),
    },
  };
}

/** The entries as the SDK writes them. */
function entriesOf(raw: readonly RawSecretEntry[]): Required<SecretEntry>[] {
  return raw.map(({ name, value, format }) => ({ name, value, format: format as 'text' | 'json' }));
}
