import { randomBytes } from 'node:crypto';

/** An access key: that of the account's own user, or one that a service works by in a role (its ARN), called `session` there. */
export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
  acting?: { role: string; session: string };
}

/** The access keys that are good at this moment. */
export interface Keys {
  find(accessKeyId: string): AccessKey | undefined;
  /** A key for a service that works in a role outside of this process. It is good until it is given back, and in memory only: who works by it ends with us. */
  issue(role: string, session: string): AccessKey;
  giveBack(key: AccessKey): void;
}

/** Holds the account's own key, and what is issued. */
export function accessKeys(own: AccessKey): Keys {
  const all = new Map([[own.accessKeyId, own]]);
  return {
    find: (accessKeyId) => all.get(accessKeyId),
    issue: (role, session) => {
      const key = {
        accessKeyId: `ASIALOCAL${randomBytes(6).toString('hex').toUpperCase().slice(0, 11)}`,
        secretAccessKey: randomBytes(30).toString('base64url'),
        acting: { role, session },
      };
      all.set(key.accessKeyId, key);
      return key;
    },
    giveBack: ({ accessKeyId }) => void all.delete(accessKeyId),
  };
}

/** Whose key it is: `user/local`, or `role/<name>`. */
export const callerOf = ({ acting }: AccessKey): string => (acting === undefined ? 'user/local' : `role/${acting.role.split('/').at(-1)}`);
