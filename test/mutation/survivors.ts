/** Mutants that no test can see, because no outcome changes, each with the reason. Printed by main.ts to be judged here. */

/** A mutant that survives, by the names that main.ts gives it. */
export interface Judged {
  /** The declaration that it is in. */
  readonly in: string;
  /** Its line, the change in place. */
  readonly change: string;
  /** One sentence: why no outcome changes. */
  readonly why: string;
}

/** By file, relative to `src/`. */
export const SURVIVORS: Readonly<Record<string, readonly Judged[]>> = {
  "commands/address-numbers.ts": [
    {
      in: "SEED",
      change: "const SEED = Math.trunc(‹Math.random() * 2 ** 32 → Math.random() / 2 ** 32›);",
      why: "Any seed gives the same numbers. That it is random makes the slots of addresses unpredictable, which no client sees.",
    },
    {
      in: "SEED",
      change: "const SEED = Math.trunc(Math.random() * ‹2 → 3› ** 32);",
      why: "Any seed gives the same numbers. That it is random makes the slots of addresses unpredictable, which no client sees.",
    },
    {
      in: "SEED",
      change: "const SEED = Math.trunc(Math.random() * 2 ** ‹32 → 33›);",
      why: "Any seed gives the same numbers. That it is random makes the slots of addresses unpredictable, which no client sees.",
    },
    {
      in: "FEW",
      change: "const FEW = ‹16 → 17›;",
      why: "It decides when the table is made or grows, and any table gives the same numbers.",
    },
    {
      in: "AddressNumbers.add",
      change:
        "if (‹2 * this.#addresses.length > Math.max(this.#slots.length, 2 * FEW) → 2 * this.#addresses.length >= Math.max(this.#slots.length, 2 * FEW)›) this.#grow();",
      why: "It decides when the table is made or grows, and any table gives the same numbers.",
    },
    {
      in: "AddressNumbers.add",
      change: "if (‹2 → 3› * this.#addresses.length > Math.max(this.#slots.length, 2 * FEW)) this.#grow();",
      why: "It decides when the table is made or grows, and any table gives the same numbers.",
    },
    {
      in: "AddressNumbers.add",
      change:
        "if (2 * this.#addresses.length > Math.max(this.#slots.length, ‹2 * FEW → 2 / FEW›)) this.#grow();",
      why: "It decides when the table is made or grows, and any table gives the same numbers.",
    },
    {
      in: "AddressNumbers.add",
      change: "if (2 * this.#addresses.length > Math.max(this.#slots.length, ‹2 → 3› * FEW)) this.#grow();",
      why: "It decides when the table is made or grows, and any table gives the same numbers.",
    },
    {
      in: "AddressNumbers.add",
      change: "else if (this.#slots.length > ‹0 → 1›) this.#slots[this.#slotOf(address)] = number + 1;",
      why: "A table has more than one slot, or none.",
    },
    {
      in: "AddressNumbers.#grow",
      change: "this.#slots = new Int32Array(‹4 → 5› * this.#addresses.length);",
      why: "It decides when the table is made or grows, and any table gives the same numbers.",
    },
    {
      in: "AddressNumbers.#slotOf",
      change: "slot = ‹slot + 1 → slot - 1› === slots.length ? 0 : slot + 1;",
      why: "Two places behind the last slot are then looked at, and nothing is there.",
    },
    {
      in: "AddressNumbers.#slotOf",
      change: "slot = slot + 1 === slots.length ? ‹0 → 1› : slot + 1;",
      why: "Where a search goes on behind the last slot does not matter, as long as all go on there.",
    },
  ],
  "commands/auth.ts": [
    {
      in: "AUTH",
      change: 'const [name = ‹"" → "Stryker was here!"›, initialResponse, ...more] = words(args);',
      why: "Any name that is no mechanism gets the same 504.",
    },
    {
      in: "publishLogin",
      change: "if (‹CHANNEL.isOn → true›) CHANNEL.publish({ session, method, outcome, code });",
      why: "A channel without subscribers publishes nothing. The condition spares making the event.",
    },
    {
      in: "judged",
      change: 'const error = ‹result.type === "refused" → true› ? result.error : undefined;',
      why: "An answer that accepts has no error. The condition is for the type checker.",
    },
    {
      in: "judged",
      change: 'exchange.answer(error, ‹result.type === "accepted" → true› ? result.value : undefined),',
      why: "An answer that refuses has no value. The condition is for the type checker.",
    },
  ],
  "commands/dispatch.ts": [
    {
      in: "run",
      change: 'if (‹client.trace || COMMAND.isOn → true›) traceOf(client).beginCommand(command ? verb : "");',
      why: "A trace publishes nothing where no channel has a subscriber. The condition spares making it.",
    },
    {
      in: "run",
      change: 'if (‹client.isLogged → true›) logCommand(client, command ? verb : "", line, args);',
      why: "client.log asks too. Here it spares the arguments.",
    },
    {
      in: "run",
      change: 'if (!client.isOpen) return ‹[] → ["Stryker was here"]›;',
      why: "An answer is not carried out once the connection is closed.",
    },
  ],
  "commands/extensions.ts": [
    {
      in: "unexplained",
      change: 'const own = isExtended ? namesOf(ownKeywords(client)) : ‹[] → ["Stryker was here"]›;',
      why: "No parameter has this name.",
    },
  ],
  "commands/hello.ts": [
    {
      in: "hello",
      change:
        'const keywords = extended && ‹result.type === "accepted" → true› ? addedKeywords(result.value) : NO_KEYWORDS;',
      why: "refused() has made a reply of every other result. The condition is for the type checker.",
    },
    {
      in: "fill",
      change: 'const [start = ‹"" → "Stryker was here!"›, ...parts] = template.split("%s");',
      why: "split gives one part at least. The default is for the type checker.",
    },
  ],
  "commands/mail.ts": [
    {
      in: "MAIL",
      change: "if (‹path.args → true›) enterParameters(client, path.args);",
      why: "Of no parameters there is nothing to enter. The condition is for the type checker.",
    },
  ],
  "commands/message.ts": [
    {
      in: "Message.push",
      change: "if (‹this.#guard.bare → false›) return;",
      why: "The stream has failed and takes nothing more, so that this only spares work.",
    },
    {
      in: "Message.#judge",
      change: 'return this.#accept(‹result.type === "accepted" → true› ? result.value : undefined);',
      why: "refused() has made a reply of every other result. The condition is for the type checker.",
    },
    {
      in: "Message.#complete",
      change: "if (‹client.isLogged → true›) {",
      why: "client.log asks too. Here it spares the arguments.",
    },
    {
      in: "indexesOf",
      change: 'return recipients.positions(Array.isArray(rcptTo) ? rcptTo : ‹[] → ["Stryker was here"]›);',
      why: "A text that is no address is found as little as an empty list.",
    },
  ],
  "commands/outgoing.ts": [
    {
      in: "encodeReply",
      change: "if (‹client.isLogged → true›) {",
      why: "client.log asks too. Here it spares the entries.",
    },
  ],
  "commands/rcpt.ts": [
    {
      in: "enterDSN",
      change: 'const notify = toUpperASCII(args.NOTIFY).split(",", CONDITIONS.length + ‹1 → 2›);',
      why: "One part more than there are conditions is refused, and so are two. The limit spares the rest.",
    },
  ],
  "commands/recipients.ts": [
    {
      in: "FREE_MEMORY",
      change: "const FREE_MEMORY = ‹64 → 65› << 10;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "STRING",
      change: "const STRING = ‹48 → 49›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "OBJECT",
      change: "const OBJECT = ‹64 → 65›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "PROPERTY",
      change: "const PROPERTY = ‹10 → 11›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "SHAPE",
      change: "const SHAPE = ‹280 → 281›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "SHAPE_PROPERTY",
      change: "const SHAPE_PROPERTY = ‹170 → 171›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "SHORT",
      change: "const SHORT = ‹64 → 65›;",
      why: "Shared or not, the text is the same. It only decides on memory.",
    },
    {
      in: "UNCOPIED",
      change: "const UNCOPIED = ‹16 → 17›;",
      why: "A copy has the same text. When to make one only decides on time and memory.",
    },
    {
      in: "Recipients.#memory",
      change: "#memory = ‹0 → 1›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "Recipients.clear",
      change: "‹this.#edited = undefined; → ;›",
      why: "The index is checked before it is used, and gets each address that is accepted. Here it frees memory.",
    },
    {
      in: "Recipients.clear",
      change: "‹this.#lastArgs = undefined; → ;›",
      why: "The next recipient may share a value with the last one, whatever transaction that was in. Here it frees memory.",
    },
    {
      in: "Recipients.clear",
      change: "this.#memory = ‹0 → 1›;",
      why: "The limit is an estimate, and so small a part of it is within its error.",
    },
    {
      in: "Recipients.keep",
      change: "if (‹this.count < UNCOPIED → false›) return { address, args };",
      why: "A copy has the same text. When to make one only decides on time and memory.",
    },
    {
      in: "Recipients.keep",
      change: "if (‹this.count < UNCOPIED → this.count <= UNCOPIED›) return { address, args };",
      why: "A copy has the same text. When to make one only decides on time and memory.",
    },
    {
      in: "Recipients.#find",
      change: "if (‹!this.#edited && addressOf(rcptTo[number]) === key → false›) return number;",
      why: "It only decides which way finds the same index.",
    },
    {
      in: "Recipients.#find",
      change: "if (‹!this.#edited → this.#edited› && addressOf(rcptTo[number]) === key) return number;",
      why: "It only decides which way finds the same index.",
    },
    {
      in: "isShared",
      change: "return ‹value === last && value.length <= SHORT → false›;",
      why: "Shared or not, the text is the same. It only decides on memory.",
    },
    {
      in: "isShared",
      change: "return value === last && ‹value.length <= SHORT → true›;",
      why: "Shared or not, the text is the same. It only decides on memory.",
    },
    {
      in: "isShared",
      change: "return value === last && ‹value.length <= SHORT → value.length < SHORT›;",
      why: "Shared or not, the text is the same. It only decides on memory.",
    },
    {
      in: "indexOf",
      change: "if (‹address !== undefined → true› && !indexes.has(address)) indexes.set(address, index);",
      why: "The index is never asked for undefined.",
    },
    {
      in: "Recipients.accept",
      change: "this.#commands.push(‹known < 0 → true› ? this.#addresses.add(key) : known);",
      why: "Numbered a second time, an address is found in the list all the same, with more work.",
    },
    {
      in: "Recipients.accept",
      change: "this.#commands.push(‹known < 0 → known <= 0› ? this.#addresses.add(key) : known);",
      why: "Numbered a second time, an address is found in the list all the same, with more work.",
    },
    {
      in: "Recipients.accept",
      change: "this.#commands.push(known < ‹0 → 1› ? this.#addresses.add(key) : known);",
      why: "Numbered a second time, an address is found in the list all the same, with more work.",
    },
    {
      in: "Recipients.#count",
      change:
        "this.#memory += ‹RECIPIENT + address.length → RECIPIENT - address.length› + memoryOf(args, this.#lastArgs);",
      why: "The letters of the address are in the command, whose octets allow four times as much.",
    },
    {
      in: "Recipients.#count",
      change: "‹this.#lastArgs = args; → ;›",
      why: "Shared or not, the text is the same. It only decides on memory.",
    },
    {
      in: "isShared",
      change:
        "function isShared(value: string, last: string | true | undefined): last is string ‹{ return value === last && value.length <= SHORT; } → {}›",
      why: "Shared or not, the text is the same. It only decides on memory.",
    },
  ],
  "connection/client-state.ts": [
    {
      in: "ClientState.lastHook",
      change: 'lastHook: HookName = ‹"onConnect" → ""›;',
      why: "It is read while a hook works, and the call of the hook sets it.",
    },
    {
      in: "ClientState.#lookedUpHostname",
      change: '#lookedUpHostname = ‹"" → "Stryker was here!"›;',
      why: "setHostname() sets it before the greeting.",
    },
    {
      in: "ClientState.isLogged",
      change: "return !this.#isIgnored && ‹this.settings.logger !== silent → true›;",
      why: "The silent logger drops the entry. Here it spares the work.",
    },
    {
      in: "ClientState.#publishTLS",
      change: "if (‹!this.#tls || !TLS.isOn → !this.#tls && !TLS.isOn›) return;",
      why: "Without a subscriber nothing is published. Here it spares the work.",
    },
    {
      in: "ClientState.completeTransaction",
      change: "if (‹this.#ending !== undefined → true›) this.#signal.abort(this.#ending);",
      why: "abort() does nothing without a text. The condition is for the type checker.",
    },
    {
      in: "ClientState.#startTransaction",
      change: "if (‹this.recipients.count > 0 → true›) this.recipients.clear();",
      why: "To clear an empty list changes nothing. Here it spares the work.",
    },
    {
      in: "ClientState.#startTransaction",
      change: "if (‹this.recipients.count > 0 → this.recipients.count >= 0›) this.recipients.clear();",
      why: "To clear an empty list changes nothing. Here it spares the work.",
    },
    {
      in: "ClientState.#call",
      change:
        "if (‹!this.trace && !HOOK.isOn → false›) return callHook(this, name, hook, args, then, isAwaited);",
      why: "The way with a trace gives the same. Without a listener it is work for nothing.",
    },
  ],
  "connection/connection.ts": [
    {
      in: "Connection.index",
      change: "index = ‹-1 → +1›;",
      why: "The list of deadlines sets it before anything reads it.",
    },
    {
      in: "Connection.index",
      change: "index = -‹1 → 2›;",
      why: "The list of deadlines sets it before anything reads it.",
    },
    {
      in: "Connection.#enter",
      change: 'if (state === "ready") ‹this.#conversation.begin(); → ;›',
      why: "The reply that makes the connection ready sets the same reader, and so does the end of a handshake.",
    },
    {
      in: "Connection.#reportClosed",
      change: "if (‹this.#client.isLogged → true›) {",
      why: "client.log asks too. Here it spares the arguments.",
    },
    {
      in: "Connection.expired",
      change: '‹case "closing": return this.#transport.destroy(); → case "closing":›',
      why: "The next case destroys it too, with an error that is not reported of a connection that is closing.",
    },
  ],
  "connection/opening.ts": [
    {
      in: "opening",
      change: 'if (!client.isOpen) return ‹[] → ["Stryker was here"]›;',
      why: "The answer for a client that has left is dropped.",
    },
    {
      in: "opening",
      change: "if (‹client.isLogged → true›) {",
      why: "client.log asks too. Here it spares the arguments.",
    },
    {
      in: "askOnSecure",
      change: 'if (‹!client.hasHook("onSecure") → false›) return then();',
      why: "client.hook finds no hook either. It spares the socket that a hook would get.",
    },
    {
      in: "greet",
      change: 'if (!client.isOpen) return ‹[] → ["Stryker was here"]›;',
      why: "The answer for a client that has left is dropped.",
    },
  ],
  "connection/pending-connection.ts": [
    {
      in: "PendingConnection.index",
      change: "index = -‹1 → 2›;",
      why: "The list of deadlines sets it before anything reads it.",
    },
    {
      in: "PendingConnection.#state",
      change: '#state: PendingState = ‹"handshake" → ""›;',
      why: "Each step sets it, and no event comes before the first.",
    },
    {
      in: "PendingConnection.#begin",
      change: 'this.#count(‹"" → "Stryker was here!"›);',
      why: "A client whose address is not known yet counts in the total alone, under whatever name.",
    },
    {
      in: "PendingConnection.received",
      change:
        'const header = this.#state === "header" ? ‹this.#proxy?.push → this.#proxy.push›(chunk) : undefined;',
      why: "In the state header there is a reader. The question mark is for the type checker.",
    },
    {
      in: "PendingConnection.ended",
      change: 'if (‹this.#state !== "refused" → true›) this.#transport.destroy();',
      why: "Both sides are closed then, and the transport closes by itself. The reply is shorter than what any socket takes at once.",
    },
    {
      in: "PendingConnection.ended",
      change: 'if (this.#state !== ‹"refused" → ""›) this.#transport.destroy();',
      why: "Both sides are closed then, and the transport closes by itself. The reply is shorter than what any socket takes at once.",
    },
    {
      in: "PendingConnection.#identify",
      change: "localAddress: ‹destination?.address → destination.address› ?? proxy.localAddress,",
      why: "A header with a source has a destination. The question mark is for the type checker.",
    },
    {
      in: "PendingConnection.#identify",
      change: "localPort: ‹destination?.port → destination.port› ?? proxy.localPort,",
      why: "A header with a source has a destination. The question mark is for the type checker.",
    },
    {
      in: "PendingConnection.#finish",
      change: "‹this.#deadline = Infinity; → ;›",
      why: "It only spares a check of the other clients.",
    },
  ],
  "connection/socket-adapter.ts": [
    {
      in: "SocketAdapter.write",
      change: 'return this.#owner.writeRaw(‹typeof data === "string" → false› ? data : Buffer.from(data));',
      why: "A Buffer of the text has the same octets.",
    },
    {
      in: "SocketAdapter.write",
      change: 'return this.#owner.writeRaw(typeof data === ‹"string" → ""› ? data : Buffer.from(data));',
      why: "A Buffer of the text has the same octets.",
    },
  ],
  "connection/timeouts.ts": [
    {
      in: "Timeouts.#messageSince",
      change: "#messageSince = ‹0 → 1›;",
      why: "bodyStarted() sets it before it is read.",
    },
    {
      in: "Timeouts.#octets",
      change: "#octets = ‹0 → 1›;",
      why: "bodyStarted() sets it before it is read.",
    },
    {
      in: "Timeouts.#hookReported",
      change: "#hookReported = ‹false → true›;",
      why: "hookStarted() sets it before it is read.",
    },
    {
      in: "Timeouts.constructor",
      change: "‹this.#since = connection.clock.now(); → ;›",
      why: "The connection restarts the time before anything reads it.",
    },
    {
      in: "Timeouts.#minRateTime",
      change:
        'const isSending = reader.type === "body" || (unfinishedMessage && ‹unfinishedMessage === this.#message → true›);',
      why: "The body of a message that is not complete was begun, and no other since.",
    },
  ],
  "connection/transport.ts": [
    {
      in: "publishFailedTLS",
      change: "if (‹!TLS.isOn → false›) return;",
      why: "Without a subscriber nothing is published. Here it spares the work.",
    },
  ],
  "connection/turns.ts": [
    {
      in: "Turns.#turn",
      change: "#turn = ‹0 → 1›;",
      why: "Any number will do that no client begins with.",
    },
    {
      in: "Turns.#next",
      change: "this.#turn += ‹1 → 2›;",
      why: "Any other number than the last will do.",
    },
    {
      in: "Turns.#next",
      change:
        "for (; ‹index < waiting.length → index <= waiting.length› && !this.isUsedUp; index++) waiting[index]?.();",
      why: "Behind the last there is none to call.",
    },
    {
      in: "Turns.#next",
      change:
        "for (; index < waiting.length && !this.isUsedUp; index++) ‹waiting[index]?.() → waiting[index]()›;",
      why: "There is one at each index. The question mark is for the type checker.",
    },
    {
      in: "Turns.#next",
      change:
        "if (‹index < waiting.length → true›) this.#waiting = [...waiting.slice(index), ...this.#waiting];",
      why: "None is put before those that wait already. It spares the copy.",
    },
    {
      in: "Turns.#next",
      change:
        "if (‹index < waiting.length → index <= waiting.length›) this.#waiting = [...waiting.slice(index), ...this.#waiting];",
      why: "None is put before those that wait already. It spares the copy.",
    },
  ],
  "diagnostics/client-trace.ts": [
    {
      in: "ClientTrace.#isCommandPublished",
      change: "#isCommandPublished = ‹false → true›;",
      why: "It is read only where a command has begun, and that sets it.",
    },
    {
      in: "ClientTrace.beginCommand",
      change: "if (‹!this.#isCommandPublished → false›) return;",
      why: "A channel without subscribers publishes nothing and has no stores of its own. The condition spares the snapshot.",
    },
    {
      in: "ClientTrace.#endHook",
      change: 'if (‹result.type === "refused" → true›) hook.error = result.error;',
      why: "The other results have no error. The condition is for the type checker.",
    },
  ],
  "errors.ts": [
    {
      in: "SMTPError.constructor",
      change: "if (‹responseCode !== undefined → true›) this.responseCode = responseCode;",
      why: "Without a value the field is undefined either way. The condition is for the type checker.",
    },
    {
      in: "SMTPError.constructor",
      change: "if (‹enhancedCode !== undefined → true›) this.enhancedCode = enhancedCode;",
      why: "Without a value the field is undefined either way. The condition is for the type checker.",
    },
    {
      in: "SMTPError.constructor",
      change: "if (‹code !== undefined → true›) this.code = code;",
      why: "Without a value the field is undefined either way. The condition is for the type checker.",
    },
  ],
  "hooks/hook-call.ts": [
    {
      in: "HookCall.isAnswered",
      change: "get isAnswered(): boolean ‹{ return this.#answered; } → {}›",
      why: "A hook that has answered may reach its callback. Here it spares the reading of the source.",
    },
  ],
  "hooks/mistakes.ts": [
    {
      in: "isMistaken",
      change: "if (value === undefined || ‹value === null → false›) return undefined;",
      why: "Only onAuth looks at null, and takes what has no keys to read for an answer. Here it is for the type checker.",
    },
    {
      in: "failureOf",
      change: "} catch ‹{ return undefined; } → {}›",
      why: "A function that ends without a return gives undefined too.",
    },
    {
      in: "declaredParameters",
      change: "} catch ‹{ return 0; } → {}›",
      why: "Nothing returned is as little as the number of parameters of any hook.",
    },
    {
      in: "declaredParameters",
      change: "return ‹0 → 1›;",
      why: "Each hook has two parameters or more.",
    },
  ],
  "hooks/reaches-callback.ts": [
    {
      in: "isNative",
      change:
        'function isNative(toString: () => string): boolean ‹{ try { return toString.call(toString).includes("[ … catch { return false; } } → {}›',
      why: "The function of a new realm does the same. The one that is there takes no time to make.",
    },
    {
      in: "isNative",
      change: 'try ‹{ return toString.call(toString).includes("[native code]"); } → {}› catch {',
      why: "The function of a new realm does the same. The one that is there takes no time to make.",
    },
    {
      in: "isNative",
      change: "} catch ‹{ return false; } → {}›",
      why: "Nothing returned counts as false.",
    },
    {
      in: "mayReachCallback",
      change: "if (‹count === undefined → true›) {",
      why: "The same function gives the same count. The Map spares the reading of its source.",
    },
    {
      in: "mayReachCallback",
      change: "‹counts.set(hook, count); → ;›",
      why: "The same function gives the same count. The Map spares the reading of its source.",
    },
    {
      in: "reachableParameters",
      change:
        ": ‹(PLAIN.exec(source) ?? ARROW.exec(source))?.[1] → (PLAIN.exec(source) ?? ARROW.exec(source))[1]›;",
      why: "What is not certain throws here, and then the result is Infinity too.",
    },
    {
      in: "reachableParameters",
      change: "const names = ‹list === undefined → false› ? undefined : withoutPatterns(list);",
      why: "What is not certain throws here, and then the result is Infinity too.",
    },
    {
      in: "reachableParameters",
      change: "if (‹names === undefined → false› || /[.=]/.test(names)) return Infinity;",
      why: "What is not certain throws here, and then the result is Infinity too.",
    },
    {
      in: "withoutPatterns",
      change: 'let names = list.replace(/"[^"]*"|\'[^\']*\'/g, ‹"string" → ""›);',
      why: "The pattern around a string is replaced as a whole.",
    },
    {
      in: "withoutPatterns",
      change: 'for (let before = ‹"" → "Stryker was here!"›; before !== names;) {',
      why: "One turn more replaces nothing in an empty list.",
    },
  ],
  "hooks/reply-fields.ts": [
    {
      in: "replyCode",
      change:
        'return ‹typeof code === "number" → true› && Number.isInteger(code) && code >= first && code <= last',
      why: "Number.isInteger asks too. Here it is for the type checker.",
    },
  ],
  "logger.ts": [
    {
      in: "log",
      change: "if (‹logger === silent → false›) return;",
      why: "The silent logger drops the entry too. Here it spares the escaping.",
    },
  ],
  "message/chunk-queue.ts": [
    {
      in: "SMALL",
      change: "const SMALL = ‹1024 → 1025›;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "GATHERED",
      change: "const GATHERED = ‹8 → 9› * 1024;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "GATHERED",
      change: "const GATHERED = 8 * ‹1024 → 1025›;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "ChunkQueue.add",
      change: "if (last !== undefined && ‹chunk.length < SMALL → true› && gather(last, chunk)) return;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "ChunkQueue.add",
      change:
        "if (last !== undefined && ‹chunk.length < SMALL → chunk.length <= SMALL› && gather(last, chunk)) return;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "gather",
      change:
        "if (‹entry.chunk.length + chunk.length > GATHERED → entry.chunk.length + chunk.length >= GATHERED›) return false;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "gather",
      change:
        "if (‹entry.chunk.length + chunk.length → entry.chunk.length - chunk.length› > GATHERED) return false;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "gather",
      change: "if (‹entry.chunk.length >= SMALL → entry.chunk.length > SMALL›) return false;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "gather",
      change:
        "if (entry.chunk instanceof ByteBuffer) ‹{ if (entry.chunk.length + chunk.length > GATHERED) return false; } → {}› else {",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
    {
      in: "gather",
      change: "if (‹entry.chunk.length + chunk.length > GATHERED → false›) return false;",
      why: "It only decides which small chunks are joined. The consumer gets the same octets.",
    },
  ],
  "message/data-stream.ts": [
    {
      in: "MessageSource.#deliver",
      change: "‹this.#node?.push → this.#node.push›(chunk);",
      why: "The adapter is there if it reads. The question mark is for the type checker.",
    },
    {
      in: "MessageSource.#deliver",
      change: "‹this.#node?.read → this.#node.read›(0);",
      why: "The adapter is there if it reads. The question mark is for the type checker.",
    },
    {
      in: "MessageSource.#finish",
      change: "if (this.#nodeReads) ‹this.#node?.push → this.#node.push›(null);",
      why: "The adapter is there if it reads. The question mark is for the type checker.",
    },
    {
      in: "MessageSource.#hasParked",
      change: "return (this.#controller.desiredSize ?? ‹0 → 1›) < 0;",
      why: "Any number that is not below 0 says that no chunk is there.",
    },
    {
      in: "MessageSource.#dropUnread",
      change: "‹this.#abandonTimer.unref(); → ;›",
      why: "The socket of the client keeps the process alive at least as long.",
    },
    {
      in: "MessageSource.end",
      change: "if (‹this.#complete || this.#outcome !== undefined → false›) return;",
      why: "A stream that is over takes no end, and a message ends once.",
    },
    {
      in: "MessageSource.end",
      change:
        "if (‹this.#complete || this.#outcome !== undefined → this.#complete && this.#outcome !== undefined›) return;",
      why: "A stream that is over takes no end, and a message ends once.",
    },
    {
      in: "MessageSource.end",
      change: "if (this.#complete || ‹this.#outcome !== undefined → false›) return;",
      why: "A stream that is over takes no end, and a message ends once.",
    },
    {
      in: "MessageSource.abandon",
      change: "if (‹this.#abandoned || this.#complete → false›) return;",
      why: "#dropUnread asks again, and a message is answered once.",
    },
    {
      in: "MessageSource.abandon",
      change: "if (‹this.#abandoned || this.#complete → this.#abandoned && this.#complete›) return;",
      why: "#dropUnread asks again, and a message is answered once.",
    },
    {
      in: "MessageSource.cancel",
      change: 'this.#settle(‹"cancelled" → ""›);',
      why: "The Web side is closed already, and for the Node adapter an empty error is none.",
    },
    {
      in: "MessageSource.#deliver",
      change: "this.#node?.read(‹0 → 1›);",
      why: "The adapter emits what read gives, so that only where chunks begin differs.",
    },
    {
      in: "MessageSource.#raise",
      change: "‹this.#unraised = undefined; → ;›",
      why: "A stream that has failed ignores a second error.",
    },
    {
      in: "MessageSource.releaseLock",
      change: "‹this.#lock = undefined; → ;›",
      why: "To release a lock a second time does nothing.",
    },
  ],
  "message/node-adapter.ts": [
    {
      in: "PRODUCER_MEMBERS",
      change: 'const PRODUCER_MEMBERS = new Set([‹"constructor" → ""›, "push", "wrap"]);',
      why: "The prototype of the stream has a constructor of its own.",
    },
    {
      in: "NodeAdapter.finish",
      change: "this.read(‹0 → 1›);",
      why: "The adapter holds nothing then, and either read lets it end.",
    },
  ],
  "options.ts": [
    {
      in: "PROCESS_SECRET",
      change: "const PROCESS_SECRET = randomBytes(‹32 → 33›);",
      why: "Any random secret of this length or more does.",
    },
    {
      in: "Settings.isDisabled",
      change: "if (‹!Array.isArray(list) → true›) return toNames(list).includes(verb);",
      why: "toNames reads a list too. The lines below it are faster.",
    },
    {
      in: "Settings.isDisabled",
      change: "if (‹list.length === 0 → false›) return false;",
      why: "It only spares work: the line below gives the same.",
    },
    {
      in: "Settings.isDisabled",
      change: "return list.some((name) => ‹name === verb → false› || toName(name) === verb);",
      why: "toName leaves a name as it is that is equal already. The comparison is faster.",
    },
  ],
  "sasl/encoding.ts": [
    {
      in: "decodeUtf8",
      change: "} catch ‹{ return undefined; } → {}›",
      why: "A function without a return gives undefined; the type checker asks for it.",
    },
  ],
  "sasl/gs2.ts": [
    {
      in: "parseGS2",
      change: 'const [text, flag, name = ‹"" → "Stryker was here!"›, encoded] = match;',
      why: "With a flag n or y the name is not looked at, and otherwise the pattern matches it.",
    },
  ],
  "sasl/oauthbearer.ts": [
    {
      in: "read",
      change:
        "if (‹!fields || authorization === undefined → !fields && authorization === undefined›) return INVALID;",
      why: "Without fields, or without `auth` among them, there is no token either, and two lines below that gets the same answer.",
    },
    {
      in: "read",
      change: "if (!fields || ‹authorization === undefined → false›) return INVALID;",
      why: "Without fields, or without `auth` among them, there is no token either, and two lines below that gets the same answer.",
    },
    {
      in: "read",
      change:
        "if (hasControl(header.authzid) || (‹host !== undefined → true› && hasControl(host))) return INVALID;",
      why: "Only the type checker needs it: the text `undefined` has no control character.",
    },
  ],
  "sasl/plain.ts": [
    {
      in: "read",
      change:
        'const [authzid = ‹"" → "Stryker was here!"›, authcid = "", password, ...more] = message.split("\\0");',
      why: "split() gives one part at least. The default is for the type checker.",
    },
    {
      in: "read",
      change:
        'const [authzid = "", authcid = ‹"" → "Stryker was here!"›, password, ...more] = message.split("\\0");',
      why: "Where it is missing the password is missing too, which is refused.",
    },
  ],
  "sasl/scram-sha-256.ts": [
    {
      in: "first",
      change: 'const [, saslname = ‹"" → "Stryker was here!"›, clientNonce = ""] = bare;',
      why: "The pattern always matches this group. The default is for the type checker.",
    },
    {
      in: "first",
      change: 'const [, saslname = "", clientNonce = ‹"" → "Stryker was here!"›] = bare;',
      why: "The pattern always matches this group. The default is for the type checker.",
    },
    {
      in: "final",
      change:
        'const [, withoutProof = ‹"" → "Stryker was here!"›, binding = "", nonce = "", encodedProof = ""] = match;',
      why: "The pattern always matches this group. The default is for the type checker.",
    },
    {
      in: "final",
      change:
        'const [, withoutProof = "", binding = ‹"" → "Stryker was here!"›, nonce = "", encodedProof = ""] = match;',
      why: "The pattern always matches this group. The default is for the type checker.",
    },
    {
      in: "final",
      change:
        'const [, withoutProof = "", binding = "", nonce = ‹"" → "Stryker was here!"›, encodedProof = ""] = match;',
      why: "The pattern always matches this group. The default is for the type checker.",
    },
    {
      in: "final",
      change:
        'const [, withoutProof = "", binding = "", nonce = "", encodedProof = ‹"" → "Stryker was here!"›] = match;',
      why: "The pattern always matches this group. The default is for the type checker.",
    },
    {
      in: "final",
      change: "const clientKey = proof.map((octet, i) => octet ^ (signature[i] ?? ‹0 → 1›));",
      why: "The signature has 32 octets, as the proof has. The default is for the type checker.",
    },
  ],
  "sasl/scram.ts": [
    {
      in: "secretOf",
      change: "‹deriveDummyKeys(); → ;›",
      why: "It only takes time: a record then takes as long as a password or an unknown name.",
    },
    {
      in: "madeUpSecret",
      change: 'return fromPassword(madeUp(‹"password" → ""›, name, key).toString("base64"), name, key);',
      why: "No password matches the made-up keys either way.",
    },
    {
      in: "madeUpSecret",
      change: 'return fromPassword(madeUp("password", name, key).toString(‹"base64" → ""›), name, key);',
      why: "No password matches the made-up keys either way.",
    },
    {
      in: "fromPassword",
      change: 'const salt = madeUp(‹"salt" → ""›, name, key).subarray(0, SALT_OCTETS);',
      why: "The salt is as unpredictable, and still another one than the password's.",
    },
    {
      in: "deriveDummyKeys",
      change: 'deriveKeys(‹"" → "Stryker was here!"›, Buffer.alloc(SALT_OCTETS), DEFAULT_ITERATIONS);',
      why: "The keys are dropped.",
    },
  ],
  "sasl/xoauth2.ts": [
    {
      in: "read",
      change: 'const authorization = fields?.get("auth")?.trim() ?? ‹"" → "Stryker was here!"›;',
      why: "Every text that does not begin with `bearer` is refused, as an empty one is.",
    },
    {
      in: "read",
      change: 'const [scheme = ‹"" → "Stryker was here!"›, ...words] = authorization.split(/\\s+/);',
      why: "split() gives one part at least. The default is for the type checker.",
    },
  ],
  "server/deadline-timer.ts": [
    {
      in: "DeadlineTimer.schedule",
      change: "if (‹at >= this.#firesAt → at > this.#firesAt›) return;",
      why: "A timer for the same time replaces it.",
    },
    {
      in: "DeadlineTimer.#checkAll",
      change:
        "if (‹this.#clients.size > 0 → true›) this.schedule(Math.max(next, now + this.#clients.size * PAUSE_EACH));",
      why: "Without clients no time is due, and no timer is set.",
    },
    {
      in: "DeadlineTimer.#checkAll",
      change:
        "if (‹this.#clients.size > 0 → this.#clients.size >= 0›) this.schedule(Math.max(next, now + this.#clients.size * PAUSE_EACH));",
      why: "Without clients no time is due, and no timer is set.",
    },
    {
      in: "DeadlineTimer.#clear",
      change: "‹this.#timer = undefined; → ;›",
      why: "To clear a timer that has fired or is cleared changes nothing.",
    },
    {
      in: "DeadlineList.delete",
      change: "member.index = -‹1 → 2›;",
      why: "Any index below 0 means not in the list.",
    },
  ],
  "server/listen-arguments.ts": [
    {
      in: "permissions",
      change:
        'if (‹typeof bits === "number" → true› && Number.isInteger(bits) && bits >= 0 && bits <= 0o777) return bits;',
      why: "Only the type checker needs it: an integer is a number.",
    },
  ],
  "server/misspelt-options.ts": [
    {
      in: "isNearly",
      change: "while (‹start < one.length → start <= one.length› && one[start] === other[start]) start++;",
      why: "It goes on only where both names end, and they are equal then.",
    },
  ],
  "server/server.ts": [
    {
      in: "SMTPServer.onClose",
      change:
        "onClose(_session: SMTPServerSession, _callback?: HookCallback): HookReturn<unknown> ‹{ return undefined; } → {}›",
      why: "A function without a return gives undefined; the type checker asks for it.",
    },
    {
      in: "SMTPServer.#closeLeftovers",
      change: "‹this.#closing?.resolve → this.#closing.resolve›();",
      why: "Its timer is cleared when the server is closed. The question mark is for the type checker.",
    },
  ],
  "session.ts": [
    {
      in: "pool",
      change: "const pool = Buffer.allocUnsafeSlow(‹4096 → 4097›);",
      why: "It decides when the pool is filled, and each fill is random.",
    },
    {
      in: "sessionId",
      change: "if (‹used + ID_LENGTH > pool.length → used + ID_LENGTH >= pool.length›) {",
      why: "It decides when the pool is filled, and each fill is random.",
    },
    {
      in: "sessionId",
      change: "used = ‹0 → 1›;",
      why: "The first id may begin anywhere in the pool.",
    },
    {
      in: "sessionId",
      change:
        "for (let i = 0; ‹i < pool.length → i <= pool.length›; i++) pool[i] = ID_DIGITS[(pool[i] as number) & 31] as number;",
      why: "What is written behind the end of a Buffer is lost.",
    },
    {
      in: "enterProxyTLS",
      change: "if (‹authority !== undefined → true›) session.servername = authority;",
      why: "The field is undefined either way. The condition is for the type checker.",
    },
  ],
  "testing/connect.ts": [
    {
      in: "CHUNK",
      change: "const CHUNK = ‹64 → 65› * 1024;",
      why: "The conversation is the same in parts of any size.",
    },
    {
      in: "CHUNK",
      change: "const CHUNK = 64 * ‹1024 → 1025›;",
      why: "The conversation is the same in parts of any size.",
    },
    {
      in: "TestClient.open",
      change: "if (‹this.#transport.upgrading → true›) this.#handshake();",
      why: "A server ignores a handshake that it does not wait for.",
    },
    {
      in: "TestClient.startTLS",
      change: "if (‹this.#transport.upgrading → true›) this.#handshake();",
      why: "A server ignores a handshake that it does not wait for.",
    },
    {
      in: "TestClient.write",
      change:
        "for (let at = 0; ‹at < octets.length → at <= octets.length›; at += CHUNK) this.#transport.send(octets.subarray(at, at + CHUNK));",
      why: "The server gets a chunk of no octets then, which changes nothing.",
    },
    {
      in: "TestClient.#nextReply",
      change: 'const [reply, rest = ‹"" → "Stryker was here!"›] = takeReply(this.#received) ?? [];',
      why: "Without a reply the rest is not used.",
    },
    {
      in: "checkOptions",
      change:
        "`connect: an SMTPServer of this package is wanted, not ${inspect(server, { depth: -‹1 → 2› })}. ` +",
      why: "Nothing of an object is shown at any depth below 0.",
    },
  ],
  "testing/inbox.ts": [
    {
      in: "Inbox.port",
      change:
        'if (‹typeof address !== "object" → false› || !address) throw new Error("The inbox is closed");',
      why: "An inbox listens on no unix socket, so that its address is no text. The condition is for the type checker.",
    },
    {
      in: "Inbox.#hooks",
      change:
        "if (‹error instanceof SMTPError → true›) this.#planned.set(session, `${error.responseCode} ${error.message}`);",
      why: "Only an SMTPError is thrown here. The condition is for the type checker.",
    },
    {
      in: "Inbox.#hooks",
      change: 'await check("connect", session, ‹"" → "Stryker was here!"›);',
      why: "A connection is refused with `true`, for any subject.",
    },
    {
      in: "Inbox.#hooks",
      change: 'const name = auth.username ?? ‹"" → "Stryker was here!"›;',
      why: "Each mechanism gives a user name, if an empty one. The default is for the type checker.",
    },
    {
      in: "Inbox.#updateTLS",
      change: "if (‹isBroken === this.#isTLSBroken → false›) return;",
      why: "TLS is then set to what it is.",
    },
  ],
  "testing/message.ts": [
    {
      in: "isWanted",
      change:
        "if (‹to !== undefined → true› && !message.to.some((address) => matchesAddress(to, address))) return false;",
      why: "A pattern that is undefined matches any text, and a message has one recipient at least.",
    },
    {
      in: "isWanted",
      change: "if (‹from !== undefined → true› && !matchesAddress(from, message.from)) return false;",
      why: "A pattern that is undefined matches any text.",
    },
    {
      in: "isWanted",
      change: "return ‹subject === undefined → false› || matches(subject, message.subject);",
      why: "A pattern that is undefined matches any text.",
    },
    {
      in: "makeMessage",
      change: 'from: envelope.mailFrom ? envelope.mailFrom.address : ‹"" → "Stryker was here!"›,',
      why: "A message has a sender. The default is for the type checker.",
    },
  ],
  "testing/mime.ts": [
    {
      in: "splitHead",
      change: 'if (source.startsWith("\\r\\n")) return [‹"" → "Stryker was here!"›, source.slice(2)];',
      why: "A line without a colon is no header field.",
    },
    {
      in: "splitHead",
      change: 'return ‹end < 0 → end <= 0› ? [source, ""] : [source.slice(0, end), source.slice(end + 4)];',
      why: "A source that begins with an empty line is handled above.",
    },
    {
      in: "splitHead",
      change: 'return end < ‹0 → 1› ? [source, ""] : [source.slice(0, end), source.slice(end + 4)];',
      why: "A source that begins with an empty line is handled above.",
    },
    {
      in: "splitParts",
      change: "let start = -‹1 → 2›;",
      why: "It is only asked whether it is below 0.",
    },
    {
      in: "splitParts",
      change:
        "const rest = text.slice(at + delimiter.length, ‹end < 0 → end <= 0› ? undefined : end).trimEnd();",
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: "const rest = text.slice(at + delimiter.length, end < ‹0 → 1› ? undefined : end).trimEnd();",
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: "if (‹start >= 0 → start > 0›) parts.push(text.slice(start, at));",
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: "if (start >= ‹0 → 1›) parts.push(text.slice(start, at));",
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: 'if (rest === "--" || ‹end < 0 → end <= 0› || parts.length === MAX_PARTS) return parts;',
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: 'if (rest === "--" || end < ‹0 → 1› || parts.length === MAX_PARTS) return parts;',
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: "start = ‹end + 2 → end - 2›;",
      why: "The part then begins with the last two octets of the delimiter's line, a line that is none of the header fields which are read.",
    },
    {
      in: "splitParts",
      change: "if (‹start >= 0 → start > 0›) parts.push(text.slice(start));",
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "splitParts",
      change: "if (start >= ‹0 → 1›) parts.push(text.slice(start));",
      why: "A delimiter begins with a line end of its own, so that nothing behind it is at 0.",
    },
    {
      in: "parseValue",
      change:
        'const parameters = Array.from(found, ([, name = ‹"" → "Stryker was here!"›, section, star, quoted, plain = ""]) => ({',
      why: "The group takes part in every match. The default is for the type checker.",
    },
    {
      in: "parseValue",
      change:
        'const parameters = Array.from(found, ([, name = "", section, star, quoted, plain = ‹"" → "Stryker was here!"›]) => ({',
      why: "It is used where no quoted text was found, and then the group takes part, if only with nothing.",
    },
    {
      in: "parseValue",
      change: 'return { value: (text.split(";", ‹1 → 2›)[0] ?? "").trim().toLowerCase(), parameters };',
      why: "Only the first element is used.",
    },
    {
      in: "parseValue",
      change:
        'return { value: (text.split(";", 1)[0] ?? ‹"" → "Stryker was here!"›).trim().toLowerCase(), parameters };',
      why: "split() gives one element at least. The default is for the type checker.",
    },
    {
      in: "parameter",
      change: 'let charset = ‹"" → "Stryker was here!"›;',
      why: "A charset that does not exist is read as none is, as UTF-8.",
    },
    {
      in: "parameter",
      change: ".sort((one, other) => (one.section ?? ‹0 → 1›) - (other.section ?? 0))",
      why: "Those without a section were left out. The default is for the type checker.",
    },
    {
      in: "parameter",
      change: ".sort((one, other) => (one.section ?? 0) - (other.section ?? ‹0 → 1›))",
      why: "Those without a section were left out. The default is for the type checker.",
    },
    {
      in: "parameter",
      change:
        "const [, of, content = text] = (index === 0 && ‹/^([^']*)'[^']*'(.*)$/s → /([^']*)'[^']*'(.*)$/s›.exec(text)) || [];",
      why: "The leftmost match begins at the start: the first group takes all up to the first quote.",
    },
    {
      in: "parameter",
      change:
        "const [, of, content = text] = (index === 0 && ‹/^([^']*)'[^']*'(.*)$/s → /^([^']*)'[^']*'(.*)/s›.exec(text)) || [];",
      why: "The last group takes all up to the end.",
    },
    {
      in: "parameter",
      change:
        "const [, of, content = text] = (index === 0 && /^([^']*)'[^']*'(.*)$/s.exec(text)) || ‹[] → [\"Stryker was here\"]›;",
      why: "The first element is not used.",
    },
    {
      in: "decodeWords",
      change: 'let charset = ‹"" → "Stryker was here!"›;',
      why: "The first word then ends one before it, of no octets, as every other charset does.",
    },
    {
      in: "decodeWords",
      change:
        'for (const [, of = ‹"" → "Stryker was here!"›, encoding = "", content = ""] of words.matchAll(word)) {',
      why: "The group takes part in every match. The default is for the type checker.",
    },
    {
      in: "decodeWords",
      change:
        'for (const [, of = "", encoding = ‹"" → "Stryker was here!"›, content = ""] of words.matchAll(word)) {',
      why: "The group takes part in every match. The default is for the type checker.",
    },
    {
      in: "decodeWords",
      change:
        'for (const [, of = "", encoding = "", content = ‹"" → "Stryker was here!"›] of words.matchAll(word)) {',
      why: "The group takes part in every match. The default is for the type checker.",
    },
    {
      in: "fromHex",
      change: "let octet = octets[at] ?? ‹0 → 1›;",
      why: "The index is below the length. The default is for the type checker.",
    },
    {
      in: "fromHex",
      change: "if (‹/^[\\da-f]{2}$/i → /[\\da-f]{2}$/i›.test(digits)) {",
      why: "There are two digits at most.",
    },
    {
      in: "fromHex",
      change: "if (‹/^[\\da-f]{2}$/i → /^[\\da-f]{2}/i›.test(digits)) {",
      why: "There are two digits at most.",
    },
    {
      in: "decodeText",
      change: "if (!‹/^(?:us-)?ascii$/i → /(?:us-)?ascii$/i›.test(charset)) {",
      why: "TextDecoder knows no other charset whose name ends so, and an unknown one is read as UTF-8 too.",
    },
    {
      in: "decodeText",
      change: "if (!‹/^(?:us-)?ascii$/i → /^(?:us-)?ascii/i›.test(charset)) {",
      why: "TextDecoder knows no other charset whose name begins so, and an unknown one is read as UTF-8 too.",
    },
  ],
  "testing/refusals.ts": [
    {
      in: "Plan.error",
      change: "...(‹enhancedCode !== undefined → true› && { enhancedCode }),",
      why: "SMTPError leaves out what is undefined. The condition is for the type checker.",
    },
    {
      in: "Plans.#plans",
      change: '#plans: readonly Plan[] = ‹[] → ["Stryker was here"]›;',
      why: "What is in the list then has no stage, so it is no failure of any.",
    },
    {
      in: "Plans.clear",
      change: 'this.#set(‹[] → ["Stryker was here"]›);',
      why: "What is in the list then has no stage, so it is no failure of any.",
    },
    {
      in: "Plans.handshakeDone",
      change:
        'for (const plan of this.#plans) if (plan.stage === "tls") plan.isDue(‹"" → "Stryker was here!"›);',
      why: "A handshake is refused with `true`, for any subject.",
    },
    {
      in: "checkRefusal",
      change:
        '`refuse: one of ${STAGES.join(", ")} is wanted, not ${given.length > ‹0 → 1› ? given.join(" and ") : "none"}`,',
      why: "With one stage given the error is not thrown.",
    },
  ],
  "transport/bind.ts": [
    {
      in: "isSocket",
      change: "} catch ‹{ return false; } → {}›",
      why: "Both callers take undefined for false.",
    },
  ],
  "transport/secure-contexts.ts": [
    {
      in: "canUpgrade",
      change: "const [major = ‹0 → 1›, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);",
      why: "A version of Bun has three numbers. The default is for the type checker.",
    },
    {
      in: "canUpgrade",
      change: "const [major = 0, minor = ‹0 → 1›, patch = 0] = version.split(/[.+-]/).map(Number);",
      why: "A version of Bun has three numbers. The default is for the type checker.",
    },
    {
      in: "canUpgrade",
      change: "const [major = 0, minor = 0, patch = ‹0 → 1›] = version.split(/[.+-]/).map(Number);",
      why: "A version of Bun has three numbers. The default is for the type checker.",
    },
    {
      in: "canUpgrade",
      change: "if (major !== 1) return ‹major > 1 → major >= 1›;",
      why: "It is not 1 there.",
    },
    {
      in: "SecureContexts.#makeSelfSigned",
      change: 'return makeContext({ ...options, ...this.#selfSigned }, ‹"" → "Stryker was here!"›);',
      why: "The prefix is for errors, and there is none: the snapshot has made a context of these options already.",
    },
    {
      in: "toHandle",
      change: 'if (typeof given !== "object" || ‹given === null → false›) return undefined;',
      why: "It gets truthy values only. The condition is for the type checker.",
    },
  ],
  "transport/self-signed-certificate.ts": [
    {
      in: "der",
      change: 'const [first = ‹0 → 1›, second = 0, ...rest] = dotted.split(".").map(Number);',
      why: "The callers write whole identifiers, which have two arcs at least. The default is for the type checker.",
    },
    {
      in: "der",
      change: 'const [first = 0, second = ‹0 → 1›, ...rest] = dotted.split(".").map(Number);',
      why: "The callers write whole identifiers, which have two arcs at least. The default is for the type checker.",
    },
    {
      in: "buildCertificate",
      change: "der.integer(‹0x40 → 65›, ...randomBytes(15)),",
      why: "Any first octet from 0x01 to 0x7f makes the number positive and needs no padding, and the others make it unique.",
    },
  ],
  "transport/socket.ts": [
    {
      in: "SocketTransport.#startTLS",
      change: "‹this.#initialData = undefined; → ;›",
      why: "A handshake begins once, and each upgrade sets the field first. The line lets go of the octets.",
    },
    {
      in: "toBuffer",
      change: 'return ‹typeof data === "string" → true›',
      why: "Bytes are then copied, and the copy has the same octets.",
    },
  ],
  "transport/tls-options.ts": [
    {
      in: "asksForOldTLS",
      change:
        "return ‹/^TLSv1(\\.1)?$/ → /TLSv1(\\.1)?$/›.test(String(minVersion)) || /^TLSv1(_1)?_/.test(String(secureProtocol));",
      why: "A minVersion that is none of the four versions is refused, and none of these ends with the name of another.",
    },
    {
      in: "asksForOldTLS",
      change:
        "return /^TLSv1(\\.1)?$/.test(String(minVersion)) || ‹/^TLSv1(_1)?_/ → /TLSv1(_1)?_/›.test(String(secureProtocol));",
      why: "node:tls refuses a secureProtocol of DTLS or of any other name that does not begin so.",
    },
    {
      in: "isEncrypted",
      change:
        '‹typeof text === "string" → true› && /^-----BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(text)',
      why: "A value that is no text, as { pem, passphrase }, has no such line as a text. The condition is for the type checker.",
    },
  ],
  "wire/address.ts": [
    {
      in: "parsePathCommand",
      change:
        "const start = ‹line.startsWith(plain) → line.endsWith(plain)› ? plain.length - 1 : endOf(any, line, 0);",
      why: "The fast path for plain commands only spares work.",
    },
    {
      in: "plainPath",
      change:
        "function plainPath(line: string, start: number): Path | undefined ‹{ const end = endOf(PLAIN_PATH, line, start); if ( … eturn { address, end }; } → {}›",
      why: "The fast path for plain paths only spares work.",
    },
    {
      in: "plainPath",
      change: "if (‹end === undefined || end - start > MAX_PATH → true›) return undefined;",
      why: "The fast path for plain paths only spares work.",
    },
    {
      in: "plainPath",
      change:
        "if (end === undefined || ‹end - start > MAX_PATH → end - start >= MAX_PATH›) return undefined;",
      why: "The longest path then takes the slower way, which takes it too.",
    },
    {
      in: "plainPath",
      change: "if (end === undefined || ‹end - start → end + start› > MAX_PATH) return undefined;",
      why: "Long paths then take the slower way, which takes them too.",
    },
    {
      in: "plainPath",
      change: '‹address.length > MAX_LABEL && !address .slice(addr … plit(".") .every(isShort) → true›',
      why: "The fast path for plain paths only spares work.",
    },
    {
      in: "plainPath",
      change:
        '‹address.length > MAX_LABEL && !address .slice(addr … plit(".") .every(isShort) → address.length > MAX_LABEL || !address.slice(addre … split(".").every(isShort)›',
      why: "Long paths then take the slower way, which takes them too.",
    },
    {
      in: "plainPath",
      change: "‹address.length > MAX_LABEL → true› &&",
      why: "It spares the look at labels that cannot be too long.",
    },
    {
      in: "plainPath",
      change: "‹address.length > MAX_LABEL → address.length >= MAX_LABEL› &&",
      why: "It spares the look at labels that cannot be too long.",
    },
    {
      in: "plainPath",
      change: '!‹address .slice(address.lastIndexOf("@") + 1) → address›',
      why: "A long local part then takes the slower way, which takes it too.",
    },
    {
      in: "plainPath",
      change: '.slice(‹address.lastIndexOf("@") + 1 → address.lastIndexOf("@") - 1›)',
      why: "A long first label then takes the slower way, which takes it too.",
    },
    {
      in: "anyPath",
      change: "if (‹end === undefined → false›) return undefined;",
      why: "The caller finds no space at an end that is undefined, and refuses the command.",
    },
    {
      in: "anyPath",
      change: 'const at = line.lastIndexOf("@", ‹to - 1 → to + 1›);',
      why: "What an at sign stands so close behind is refused for it.",
    },
    {
      in: "anyPath",
      change: 'const at = line.lastIndexOf("@", to - ‹1 → 2›);',
      why: "A domain has one character at least.",
    },
    {
      in: "anyPath",
      change:
        "‹at < from → at <= from› ? line.slice(from, to) : mailbox(line.slice(from, at), line.slice(at + 1, to), lenient);",
      why: "A local part has one character at least.",
    },
    {
      in: "checkDomain",
      change:
        'if (‹!INTERNATIONAL.test(domain) → false›) return domain.split(".").every(isShort) ? domain : undefined;',
      why: "A domain of ASCII passes the other check too, more slowly.",
    },
    {
      in: "checkLiteral",
      change:
        'const [, ipv6, content = ‹"" → "Stryker was here!"›] = /^\\[(IPv6:)?(.*)\\]$/i.exec(domain) ?? [];',
      why: "Both are no address.",
    },
    {
      in: "checkLiteral",
      change:
        'const [, ipv6, content = ""] = ‹/^\\[(IPv6:)?(.*)\\]$/i → /\\[(IPv6:)?(.*)\\]$/i›.exec(domain) ?? [];',
      why: "The domain begins with the bracket.",
    },
    {
      in: "checkLiteral",
      change:
        'const [, ipv6, content = ""] = /^\\[(IPv6:)?(.*)\\]$/i.exec(domain) ?? ‹[] → ["Stryker was here"]›;',
      why: "The first part is not looked at.",
    },
  ],
  "wire/attributes.ts": [
    {
      in: "parseAttributes",
      change: "for (const argument of args.split(‹/[ \\t]+/ → /[ \\t]/›)) {",
      why: "Empty words between two spaces are passed over.",
    },
    {
      in: "parseAttributes",
      change: 'const [key = ‹"" → "Stryker was here!"›, encoded, ...more] = argument.split("=", 3);',
      why: "split() gives one part at least. The default is for the type checker.",
    },
    {
      in: "parseAttributes",
      change: 'const [key = "", encoded, ...more] = argument.split("=", ‹3 → 4›);',
      why: "A third part is refused, whether or not a fourth is split off.",
    },
  ],
  "wire/byte-buffer.ts": [
    {
      in: "ByteBuffer.length",
      change: "get length(): number ‹{ return this.#length; } → {}›",
      why: "It only decides which small chunks of a message are joined. The consumer gets the same octets.",
    },
    {
      in: "ByteBuffer.append",
      change: "if (‹length > this.#memory.length → length >= this.#memory.length›) {",
      why: "It takes more memory one octet earlier.",
    },
  ],
  "wire/command.ts": [
    {
      in: "isBlank",
      change: 'return ‹text === "" → false› || text.trim() === "";',
      why: "Trimming nothing gives nothing. It spares the work.",
    },
    {
      in: "isBlank",
      change: 'return text === ‹"" → "Stryker was here!"› || text.trim() === "";',
      why: "Trimming nothing gives nothing. It spares the work.",
    },
    {
      in: "isHttpRequest",
      change:
        "return ‹line.charCodeAt(end - 4) === 0x2f && line.charCodeAt(end - 2) === 0x2e → true› && HTTP_REQUEST.test(line);",
      why: "The pattern asks for both. Here it spares the work.",
    },
    {
      in: "isHttpRequest",
      change:
        "return ‹line.charCodeAt(end - 4) === 0x2f && line.charCodeAt(end - 2) === 0x2e → line.charCodeAt(end - 4) === 0x2f || line.charCodeAt(end - 2) === 0x2e› && HTTP_REQUEST.test(line);",
      why: "The pattern asks for both. Here it spares the work.",
    },
    {
      in: "isHttpRequest",
      change:
        "return ‹line.charCodeAt(end - 4) === 0x2f → true› && line.charCodeAt(end - 2) === 0x2e && HTTP_REQUEST.test(line);",
      why: "The pattern asks for it too. Here it spares the work.",
    },
    {
      in: "isHttpRequest",
      change:
        "return line.charCodeAt(end - 4) === 0x2f && ‹line.charCodeAt(end - 2) === 0x2e → true› && HTTP_REQUEST.test(line);",
      why: "The pattern asks for it too. Here it spares the work.",
    },
  ],
  "wire/crc32c.ts": [
    {
      in: "TABLE",
      change: "const TABLE = Uint32Array.from({ length: ‹256 → 257› }, (_, octet) => {",
      why: "No octet is 256.",
    },
  ],
  "wire/dot-reader.ts": [
    {
      in: "DENSE",
      change: "const DENSE = ‹256 → 257›;",
      why: "Both ways give the same content: it chooses the one that costs less.",
    },
    {
      in: "DotReader.#copied",
      change: "#copied = ‹0 → 1›;",
      why: "`read` sets it before it is read.",
    },
    {
      in: "DotReader.#from",
      change: "#from = ‹0 → 1›;",
      why: "`read` sets it before it is read.",
    },
    {
      in: "DotReader.#dot",
      change: "#dot = ‹-1 → +1›;",
      why: "`read` sets it before it is read.",
    },
    {
      in: "DotReader.#dot",
      change: "#dot = -‹1 → 2›;",
      why: "`read` sets it before it is read.",
    },
    {
      in: "DotReader.read",
      change: "if (this.#copy && ‹hit >= 0 → true› && hit - at < DENSE && chunk.length - at > LEFT) {",
      why: "Both ways give the same content: it chooses the one that costs less.",
    },
    {
      in: "DotReader.read",
      change: "if (this.#copy && ‹hit >= 0 → hit > 0› && hit - at < DENSE && chunk.length - at > LEFT) {",
      why: "A chunk with a copy begins with octets before the search, so nothing is found at 0.",
    },
    {
      in: "DotReader.read",
      change: "if (this.#copy && hit >= ‹0 → 1› && hit - at < DENSE && chunk.length - at > LEFT) {",
      why: "A chunk with a copy begins with octets before the search, so nothing is found at 0.",
    },
    {
      in: "DotReader.read",
      change: "if (this.#copy && hit >= 0 && ‹hit - at < DENSE → true› && chunk.length - at > LEFT) {",
      why: "Both ways give the same content: it chooses the one that costs less.",
    },
    {
      in: "DotReader.read",
      change:
        "if (this.#copy && hit >= 0 && ‹hit - at < DENSE → hit - at <= DENSE› && chunk.length - at > LEFT) {",
      why: "Both ways give the same content: it chooses the one that costs less.",
    },
    {
      in: "DotReader.read",
      change: "if (this.#copy && hit >= 0 && ‹hit - at → hit + at› < DENSE && chunk.length - at > LEFT) {",
      why: "Both ways give the same content: it chooses the one that costs less.",
    },
    {
      in: "DotReader.read",
      change: "if (this.#copy && hit >= 0 && hit - at < DENSE && ‹chunk.length - at > LEFT → true›) {",
      why: "With so few octets left, `#removeDots` reads none of them.",
    },
    {
      in: "DotReader.read",
      change:
        "if (this.#copy && hit >= 0 && hit - at < DENSE && ‹chunk.length - at > LEFT → chunk.length - at >= LEFT›) {",
      why: "With so few octets left, `#removeDots` reads none of them.",
    },
    {
      in: "DotReader.read",
      change:
        "if (this.#copy && hit >= 0 && hit - at < DENSE && ‹chunk.length - at → chunk.length + at› > LEFT) {",
      why: "With so few octets left, `#removeDots` reads none of them.",
    },
  ],
  "wire/dot-removal.ts": [
    {
      in: "BLOCK",
      change: "const BLOCK = ‹16 → 17› * 1024;",
      why: "The block and its copy still have room in the module's memory: it says only how much is read at a time.",
    },
    {
      in: "BLOCK",
      change: "const BLOCK = 16 * ‹1024 → 1025›;",
      why: "The block and its copy still have room in the module's memory: it says only how much is read at a time.",
    },
    {
      in: "LEFT",
      change: "export const LEFT = ‹8 → 9›;",
      why: "The module stops 8 octets before the end in any case; with 9 the reader's own search does one octet more.",
    },
    {
      in: "DotRemoval.copied",
      change: "copied = ‹0 → 1›;",
      why: "`copy` sets it to 0 before it counts.",
    },
    {
      in: "DotRemoval.copy",
      change: "while (‹chunk.length - at > LEFT → chunk.length - at >= LEFT›) {",
      why: "The module and the reader's own search give the same of the last 8 octets.",
    },
    {
      in: "DotRemoval.copy",
      change: "if (‹read <= length - LEFT → true›) break;",
      why: "The reader calls again for what is behind the block, after one search more.",
    },
    {
      in: "DotRemoval.copy",
      change: "if (‹read <= length - LEFT → read < length - LEFT›) break;",
      why: "It reads so few octets only before the end of data, and there the next round reads nothing and stops.",
    },
    {
      in: "DotRemoval.copy",
      change: "if (read <= ‹length - LEFT → length + LEFT›) break;",
      why: "The reader calls again for what is behind the block, after one search more.",
    },
  ],
  "wire/idna.ts": [
    {
      in: "isMisleading",
      change:
        'return LEADING_MARK.test(domain) || MISLEADING.test(domain.replace(‹/[\\x00-\\x7f]+/g → /[\\x00-\\x7f]/g›, "").normalize("NFKC"));',
      why: "One character at a time gives the same, more slowly.",
    },
    {
      in: "labelToUnicode",
      change:
        'if (‹unicode === "" || domainToASCII(unicode) !== toLowerASCII(label) → unicode === "" && domainToASCII(unicode) !== toLowerASCII(label)›) return undefined;',
      why: "Bun decodes no A-label that no encoder makes. The check is there in case that changes.",
    },
    {
      in: "labelToUnicode",
      change:
        'if (‹unicode === "" → false› || domainToASCII(unicode) !== toLowerASCII(label)) return undefined;',
      why: "The A-label of nothing is no A-label, which the other half of the condition finds.",
    },
    {
      in: "labelToUnicode",
      change:
        'if (unicode === ‹"" → "Stryker was here!"› || domainToASCII(unicode) !== toLowerASCII(label)) return undefined;',
      why: "The A-label of nothing is no A-label, which the other half of the condition finds.",
    },
    {
      in: "labelToUnicode",
      change:
        'if (unicode === "" || ‹domainToASCII(unicode) !== toLowerASCII(label) → false›) return undefined;',
      why: "Bun decodes no A-label that no encoder makes. The check is there in case that changes.",
    },
  ],
  "wire/ip.ts": [
    {
      in: "normalizeAddress",
      change: 'if (‹!text.includes(":") → false›) return text;',
      why: "The fast path for IPv4 only spares work.",
    },
    {
      in: "normalizeAddress",
      change: 'if (!text.includes(‹":" → ""›)) return text;',
      why: "The fast path for IPv4 only spares work.",
    },
    {
      in: "normalizeAddress",
      change: 'const tail = ‹text.startsWith("::ffff:") → text.endsWith("::ffff:")› ? text.slice(7) : "";',
      why: "The fast path for mapped addresses only spares work.",
    },
    {
      in: "normalizeAddress",
      change: 'const tail = text.startsWith("::ffff:") ? ‹text.slice(7) → text› : "";',
      why: "The fast path for mapped addresses only spares work.",
    },
    {
      in: "normalizeAddress",
      change: 'const tail = text.startsWith("::ffff:") ? text.slice(7) : ‹"" → "Stryker was here!"›;',
      why: "The text is no IPv4 address either.",
    },
    {
      in: "normalizeAddress",
      change: "if (‹isIPv4(tail) → false›) return tail;",
      why: "The fast path for mapped addresses only spares work.",
    },
    {
      in: "normalizeAddress",
      change: 'return compressed(value) + (‹zone < 0 → zone <= 0› ? "" : text.slice(zone));',
      why: "No address begins with a zone.",
    },
    {
      in: "normalizeAddress",
      change: 'return compressed(value) + (zone < ‹0 → 1› ? "" : text.slice(zone));',
      why: "No address begins with a zone.",
    },
    {
      in: "rangesOf",
      change: 'const parsed = parsedLists.get(list) ?? ‹[] → ["Stryker was here"]›;',
      why: "No entry equals what is in it.",
    },
    {
      in: "rangesOf",
      change: "‹parsedLists.set(list, parsed); → ;›",
      why: "Each list is then parsed each time, with the same result.",
    },
    {
      in: "rangesOf",
      change: "‹parsed.length = list.length; → ;›",
      why: "An entry that is kept for longer still belongs to its text.",
    },
    {
      in: "rangesOf",
      change: "if (‹known !== undefined && known.entry === entry → false›) return known.range;",
      why: "Each entry is then parsed each time, with the same result.",
    },
    {
      in: "rangesOf",
      change: "‹parsed[index] = { entry, range }; → ;›",
      why: "Each entry is then parsed each time, with the same result.",
    },
    {
      in: "rangesOf",
      change: "parsed[index] = ‹{ entry, range } → {}›;",
      why: "Each entry is then parsed each time, with the same result.",
    },
    {
      in: "parseRange",
      change: "const address = ‹slash < 0 → slash <= 0› ? text : text.slice(0, slash);",
      why: "What begins with a slash is no address with its slash either.",
    },
    {
      in: "parseRange",
      change: "const address = slash < ‹0 → 1› ? text : text.slice(0, slash);",
      why: "What begins with a slash is no address with its slash either.",
    },
    {
      in: "parseRange",
      change: "const prefix = ‹slash < 0 → slash <= 0› ? String(max) : text.slice(slash + 1);",
      why: "What begins with a slash is refused before.",
    },
    {
      in: "parseRange",
      change: "const prefix = slash < ‹0 → 1› ? String(max) : text.slice(slash + 1);",
      why: "What begins with a slash is refused before.",
    },
    {
      in: "addressValue",
      change: 'const [bare = ‹"" → "Stryker was here!"›] = address.split("%");',
      why: "split() gives one part at least. The default is for the type checker.",
    },
    {
      in: "addressValue",
      change:
        'const [head = ‹[] → ["Stryker was here"]›, tail = []] = hex.split("::").map((half) => half.split(":"));',
      why: "split() gives one part at least. The default is for the type checker.",
    },
    {
      in: "addressValue",
      change: 'const zeros = new Array<string>(8 - head.length - tail.length).fill(‹"0" → ""›);',
      why: "padStart() makes four zeros of both.",
    },
    {
      in: "compressed",
      change: "let start = ‹0 → 1›;",
      why: "It is read after a run of zeros was found, which sets it.",
    },
    {
      in: "compressed",
      change: "let length = ‹0 → 1›;",
      why: "A run of one group is not shortened, found or not.",
    },
    {
      in: "compressed",
      change: "for (let from = 0; ‹from < 8 → from <= 8›; from++) {",
      why: "Behind the last group there is no run.",
    },
    {
      in: "compressed",
      change: "for (let from = 0; from < ‹8 → 9›; from++) {",
      why: "Behind the last group there is no run.",
    },
  ],
  "wire/line-reader.ts": [
    {
      in: "LineReader.#searched",
      change: "#searched = ‹0 → 1›;",
      why: "The first push() sets it.",
    },
    {
      in: "LineReader.push",
      change:
        "if (this.#gathered === undefined || ‹2 * this.#at > this.#bytes.length → 2 * this.#at >= this.#bytes.length›) {",
      why: "When the octets that were read are dropped changes only how much is copied.",
    },
    {
      in: "LineReader.push",
      change: "if (this.#gathered === undefined || ‹2 → 3› * this.#at > this.#bytes.length) {",
      why: "When the octets that were read are dropped changes only how much is copied.",
    },
    {
      in: "LineReader.take",
      change: "if (‹this.size > limit → this.size >= limit›) {",
      why: "The same octets are taken, and the chunk is let go with the next one.",
    },
    {
      in: "LineReader.next",
      change: "if (‹this.#at === this.#bytes.length → false›) return undefined;",
      why: "It spares the search of nothing.",
    },
    {
      in: "LineReader.next",
      change: "if (‹this.#at > limit → this.#at >= limit›) this.#forget();",
      why: "It copies half a line one octet earlier.",
    },
    {
      in: "LineReader.#newline",
      change: "for (let at = this.#searched; ‹at < bytes.length → at <= bytes.length›; at++) {",
      why: "Behind the last octet is neither a CR nor an LF.",
    },
    {
      in: "LineReader.#newline",
      change: "return -‹1 → 2›;",
      why: "Its caller asks only whether it is below 0.",
    },
    {
      in: "LineReader.#forget",
      change:
        "this.#restart(‹this.#at === this.#bytes.length → false› ? NOTHING : Buffer.from(this.#bytes.subarray(this.#at)));",
      why: "A copy of no octets is as empty.",
    },
    {
      in: "LineReader.#forget",
      change: "‹this.#searched = searched; → ;›",
      why: "The octets that are left are then searched once more, with the same result.",
    },
  ],
  "wire/newline-search.ts": [
    {
      in: "BLOCK",
      change: "const BLOCK = ‹16 → 17› * 1024;",
      why: "The module's memory has room for the block and the octet behind it: it says only how much is read at a time.",
    },
    {
      in: "BLOCK",
      change: "const BLOCK = 16 * ‹1024 → 1025›;",
      why: "The module's memory has room for the block and the octet behind it: it says only how much is read at a time.",
    },
    {
      in: "Search.#start",
      change: "#start = ‹0 → 1›;",
      why: "It is read only for the chunk that was loaded, and loading sets it.",
    },
    {
      in: "Search.#load",
      change: "if (‹this.#chunk === chunk && this.#start === start → false›) return;",
      why: "A block is then copied for each search in it, with the same result.",
    },
    {
      in: "Search.#load",
      change:
        "this.#bytes.set(‹length === chunk.length → false› ? chunk : chunk.subarray(start, start + length));",
      why: "The part is the whole then.",
    },
    {
      in: "Search.#load",
      change: "this.#bytes[length] = ‹0 → 1›;",
      why: "Any octet will do that is no LF.",
    },
    {
      in: "Search.#load",
      change: "‹this.#chunk = chunk; → ;›",
      why: "A block is then copied for each search in it, with the same result.",
    },
    {
      in: "forgetChunk",
      change: "‹search?.forget → search.forget›();",
      why: "A chunk was searched before. The question mark is for the type checker.",
    },
  ],
  "wire/newlines.ts": [
    {
      in: "normalized",
      change: "for (let at = from; ‹at < length → at <= length›; at++) { #2",
      why: "A Buffer drops what is written behind its end.",
    },
  ],
  "wire/parameters.ts": [
    {
      in: "parseParameters",
      change: 'const spaced = text.includes(‹"\\t" → ""›) ? text.replaceAll("\\t", " ") : text;',
      why: "Without a tab nothing is replaced. The condition spares the work.",
    },
    {
      in: "parseParameters",
      change: "for (let at = ‹0 → 1›, end = 0; at < spaced.length; at = end + 1) {",
      why: "The text begins with the space behind the path.",
    },
    {
      in: "parseParameters",
      change: "for (let at = 0, end = ‹0 → 1›; at < spaced.length; at = end + 1) {",
      why: "The loop sets it before it is read.",
    },
    {
      in: "parseParameters",
      change: "for (let at = 0, end = 0; ‹at < spaced.length → at <= spaced.length›; at = end + 1) {",
      why: "Behind the end there is no parameter.",
    },
    {
      in: "parseParameters",
      change:
        "const keyword = toUpperASCII(‹equals < 0 → equals <= 0› ? parameter : parameter.slice(0, equals));",
      why: "A keyword with an equals sign is refused as an empty one is.",
    },
    {
      in: "parseParameters",
      change: "const keyword = toUpperASCII(equals < ‹0 → 1› ? parameter : parameter.slice(0, equals));",
      why: "A keyword with an equals sign is refused as an empty one is.",
    },
    {
      in: "parseParameters",
      change:
        'const value = ‹equals < 0 → equals <= 0› ? "" : decodeValue(keyword, parameter.slice(equals + 1));',
      why: "An empty keyword is refused before.",
    },
    {
      in: "parseParameters",
      change: 'const value = equals < ‹0 → 1› ? "" : decodeValue(keyword, parameter.slice(equals + 1));',
      why: "An empty keyword is refused before.",
    },
    {
      in: "decodeValue",
      change:
        "return ‹decoded !== undefined && decoded !== value → true› && INVISIBLE.test(decoded) ? undefined : decoded;",
      why: "The line was looked at already, and a missing value stays one. It spares the work.",
    },
    {
      in: "decodeValue",
      change:
        "return ‹decoded !== undefined && decoded !== value → decoded !== undefined || decoded !== value› && INVISIBLE.test(decoded) ? undefined : decoded;",
      why: "The line was looked at already, and a missing value stays one. It spares the work.",
    },
    {
      in: "decodeValue",
      change:
        "return ‹decoded !== undefined → true› && decoded !== value && INVISIBLE.test(decoded) ? undefined : decoded;",
      why: "A missing value stays one. The condition is for the type checker.",
    },
    {
      in: "decodeValue",
      change:
        "return decoded !== undefined && ‹decoded !== value → true› && INVISIBLE.test(decoded) ? undefined : decoded;",
      why: "The line was looked at already. It spares the work.",
    },
  ],
  "wire/proxy-header.ts": [
    {
      in: "ProxyHeaderReader.push",
      change: "if (‹parsed !== undefined → false›) this.#held = undefined;",
      why: "The reader is not asked again. It lets go of the memory.",
    },
    {
      in: "ProxyHeaderReader.push",
      change: "if (parsed !== undefined) ‹this.#held = undefined; → ;›",
      why: "The reader is not asked again. It lets go of the memory.",
    },
    {
      in: "parseV1",
      change: 'const ending = ‹end < 0 → end <= 0› ? "" : text.slice(end, end + 2);',
      why: "A line that begins with its end was refused before.",
    },
    {
      in: "parseV1",
      change: 'const ending = end < ‹0 → 1› ? "" : text.slice(end, end + 2);',
      why: "A line that begins with its end was refused before.",
    },
    {
      in: "parseV1",
      change:
        'const [, family = ‹"" → "Stryker was here!"›, source = "", destination = "", sourcePort = "", destinationPort = "", ...more] =',
      why: "The line has a family here. The default is for the type checker.",
    },
    {
      in: "parseV1",
      change:
        'const [, family = "", source = ‹"" → "Stryker was here!"›, destination = "", sourcePort = "", destinationPort = "", ...more] =',
      why: "Neither is an address.",
    },
    {
      in: "parseV1",
      change:
        'const [, family = "", source = "", destination = ‹"" → "Stryker was here!"›, sourcePort = "", destinationPort = "", ...more] =',
      why: "Neither is an address.",
    },
    {
      in: "parseV1",
      change:
        'const [, family = "", source = "", destination = "", sourcePort = ‹"" → "Stryker was here!"›, destinationPort = "", ...more] =',
      why: "Neither is a port.",
    },
    {
      in: "parseV1",
      change:
        'const [, family = "", source = "", destination = "", sourcePort = "", destinationPort = ‹"" → "Stryker was here!"›, ...more] =',
      why: "Neither is a port.",
    },
    {
      in: "BLOCK_LENGTHS",
      change: "const BLOCK_LENGTHS: readonly number[] = [‹0 → 1›, 12, 36, 216];",
      why: "Addresses of the family 0, UNSPEC, are not read.",
    },
    {
      in: "parseV2",
      change: "if (‹protocol === undefined → false›) return undefined;",
      why: "Headers of fewer than 16 octets wait for more below. The condition is for the type checker.",
    },
    {
      in: "parseV2",
      change:
        'if (addressed && length < (BLOCK_LENGTHS[family] ?? ‹0 → 1›)) return invalid("short address block");',
      why: "The family is known here. The default is for the type checker.",
    },
    {
      in: "parseV2",
      change: "const info = readTLVs(header, FIXED_LENGTH + (BLOCK_LENGTHS[family] ?? ‹0 → 1›));",
      why: "The family is known here. The default is for the type checker.",
    },
  ],
  "wire/proxy-tlvs.ts": [
    {
      in: "readTLVs",
      change: 'if ((first(tlvs, UNIQUE_ID)?.length ?? ‹0 → 1›) > MAX_UNIQUE_ID) return "unique id too long";',
      why: "1 is as far below the limit.",
    },
    {
      in: "isRepeated",
      change: "return (tlvs.get(type)?.length ?? ‹0 → 1›) > 1;",
      why: "1 is no repetition either.",
    },
    {
      in: "text",
      change: "} catch ‹{ return undefined; } → {}›",
      why: "A function that ends without a return gives undefined too.",
    },
  ],
  "wire/reply.ts": [
    {
      in: "formatReply",
      change: "if (‹reply.octets → false›) return withEnhanced ? reply.octets.enhanced : reply.octets.plain;",
      why: "What is prepared is what would be formatted.",
    },
  ],
  "wire/text.ts": [
    {
      in: "escape",
      change:
        'SHORT_ESCAPES[character] ?? (‹code < 0x100 → code <= 0x100› ? `\\\\x${hex.padStart(2, "0")}` : `\\\\u${hex.padStart(4, "0")}`)',
      why: "U+0100 is printable, so it never comes here.",
    },
    {
      in: "escape",
      change:
        'SHORT_ESCAPES[character] ?? (code < ‹0x100 → 257› ? `\\\\x${hex.padStart(2, "0")}` : `\\\\u${hex.padStart(4, "0")}`)',
      why: "U+0100 is printable, so it never comes here.",
    },
    {
      in: "NON_ASCII",
      change: "const NON_ASCII = ‹/[^\\x00-\\x7f]/ → /[\\x00-\\x7f]/›;",
      why: "A text that is ASCII then takes the slower of two ways, which gives the same.",
    },
    {
      in: "toUpperASCII",
      change: "if (‹!LOWER.test(text) → false›) return text;",
      why: "It only spares the work for a text that is the same afterwards.",
    },
    {
      in: "toUpperASCII",
      change: "? text.replace(‹/[a-z]+/g → /[a-z]/g›, (letters) => letters.toUpperCase())",
      why: "Letter by letter gives the same, in more calls.",
    },
    {
      in: "toLowerASCII",
      change: "if (‹!UPPER.test(text) → false›) return text;",
      why: "It only spares the work for a text that is the same afterwards.",
    },
    {
      in: "toLowerASCII",
      change: "? text.replace(‹/[A-Z]+/g → /[A-Z]/g›, (letters) => letters.toLowerCase())",
      why: "Letter by letter gives the same, in more calls.",
    },
    {
      in: "SCRATCH",
      change: "const SCRATCH = Buffer.allocUnsafeSlow(‹1024 → 1025›);",
      why: "The scratch buffer may be longer than it has to be.",
    },
    {
      in: "SCRATCH_TEXT",
      change: "const SCRATCH_TEXT = ‹256 → 257›;",
      why: "The UTF-8 of 257 characters is at most 771 octets, which the scratch buffer holds.",
    },
    {
      in: "copyOf",
      change: "if (‹text.length > SCRATCH_TEXT → true›) return Buffer.from(text).toString();",
      why: "A Buffer for each text gives the same copy, more slowly.",
    },
    {
      in: "copyOf",
      change:
        "if (‹text.length > SCRATCH_TEXT → text.length >= SCRATCH_TEXT›) return Buffer.from(text).toString();",
      why: "A Buffer for a text of 256 characters gives the same copy, more slowly.",
    },
  ],
  "wire/xtext.ts": [
    {
      in: "decodeXtext",
      change: 'if (‹!value.includes("+") → false›) return value;',
      why: "Without a plus nothing is replaced. It spares the work.",
    },
    {
      in: "decodeXtext",
      change: 'if (!value.includes(‹"+" → ""›)) return value;',
      why: "Without a plus nothing is replaced. It spares the work.",
    },
    {
      in: "decodeXtext",
      change: "} catch ‹{ return undefined; } → {}›",
      why: "A function that ends without a return gives undefined too.",
    },
    {
      in: "decodeUnitext",
      change: 'if (!decoded?.includes(‹"\\\\" → ""›)) return decoded;',
      why: "Without a backslash nothing is replaced. It spares the work.",
    },
    {
      in: "decodeUnitext",
      change: 'const point = parseInt(digits ?? ‹"" → "Stryker was here!"›, 16);',
      why: "No hexadecimal number begins so either.",
    },
    {
      in: "decodeUnitext",
      change: 'return ‹"" → "Stryker was here!"›;',
      why: "The text is not used then.",
    },
  ],
};
