/** All other subpaths of smtp-server: a program that imports one learns what to do, instead of "module not found". */
throw new Error(
  "bun-smtp has the modules lib/smtp-server and lib/tls-options of smtp-server, and no other: lib/smtp-connection, " +
    "lib/smtp-stream, lib/sasl and lib/ipv6-normalize are its internals. Use SMTPServer with its hooks and " +
    'server.connections; docs/guide/migrating-from-smtp-server.md has what stands for each ("Internals that are not here")',
);
