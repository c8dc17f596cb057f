/**
 * The members of a Node type that ours lacks, each of type `never`. Our object can then be passed to a function that is
 * typed with Node's, and using such a member is a type error.
 */
export type Absent<T, Present extends PropertyKey> = { readonly [K in Exclude<keyof T, Present>]: never };
