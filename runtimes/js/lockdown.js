// The function that makes a fresh realm safe to be shared by calls. It runs once in each
// realm, before any contract, with the library as the engine made it.
//
//   natives   object: path of a function (as "Array.prototype.map") to what replaces it
//   classes   object: name of a constructor to what replaces it
//   globals   object: further globals
//   hidden    values that only syntax reaches
//   guard     makes of a function one that counts how deep such functions run in each other
//
// What permits does not name is taken away, so that a function which a later release of the
// engine adds is absent until somebody looked at its price.
((natives, classes, globals, hidden, guard) => {
  "use strict";
  const permits = {
    Object: "assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols getPrototypeOf hasOwn is isExtensible isFrozen isSealed keys preventExtensions seal setPrototypeOf values",
    "Object.prototype": "hasOwnProperty isPrototypeOf propertyIsEnumerable toString valueOf",
    "Function.prototype": "apply bind call toString Symbol(Symbol.hasInstance)",
    Array: "from isArray of",
    "Array.prototype": "length at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort splice toReversed toSorted toSpliced toString unshift values with Symbol(Symbol.iterator) Symbol(Symbol.unscopables)",
    String: "fromCharCode fromCodePoint",
    "String.prototype": "length at charAt charCodeAt codePointAt concat endsWith includes indexOf lastIndexOf match matchAll padEnd padStart repeat replace replaceAll search slice split startsWith substr substring toLowerCase toString toUpperCase trim trimEnd trimLeft trimRight trimStart valueOf Symbol(Symbol.iterator)",
    Number: "EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE NEGATIVE_INFINITY NaN POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt",
    "Number.prototype": "toExponential toFixed toPrecision toString valueOf",
    Boolean: "",
    "Boolean.prototype": "toString valueOf",
    Symbol: "hasInstance iterator toPrimitive toStringTag unscopables",
    "Symbol.prototype": "description toString valueOf Symbol(Symbol.toPrimitive) Symbol(Symbol.toStringTag)",
    Map: "",
    "Map.prototype": "clear delete entries forEach get has keys set size values Symbol(Symbol.iterator) Symbol(Symbol.toStringTag)",
    Set: "",
    "Set.prototype": "add clear delete entries forEach has keys size values Symbol(Symbol.iterator) Symbol(Symbol.toStringTag)",
    WeakMap: "",
    "WeakMap.prototype": "delete get has set Symbol(Symbol.toStringTag)",
    WeakSet: "",
    "WeakSet.prototype": "add delete has Symbol(Symbol.toStringTag)",
    Uint8Array: "BYTES_PER_ELEMENT from of",
    "Uint8Array.prototype": "BYTES_PER_ELEMENT",
    TypedArray: "",
    "TypedArray.prototype": "buffer byteLength byteOffset length at entries every fill filter find findIndex findLast findLastIndex forEach includes indexOf join keys lastIndexOf map reduce reduceRight reverse set slice some sort subarray toString values Symbol(Symbol.iterator) Symbol(Symbol.toStringTag)",
    "ArrayBuffer.prototype": "byteLength Symbol(Symbol.toStringTag)",
  };
  const errors = ["Error", "TypeError", "ReferenceError", "SyntaxError", "RangeError", "EvalError", "URIError"];
  for (const name of errors) {
    permits[name] = "";
    permits[name + ".prototype"] = name === "Error" ? "message name toString" : "message name";
  }
  const values = ["NaN", "Infinity", "undefined", "isNaN", "isFinite", "parseInt", "parseFloat", "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent"];

  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
  const { ownKeys, deleteProperty } = Reflect;
  const global = globalThis;
  const label = (key) => (typeof key === "symbol" ? String(key) : key);

  // The objects by the names that permits uses.
  const owners = { TypedArray: getPrototypeOf(Uint8Array), "ArrayBuffer.prototype": ArrayBuffer.prototype };
  owners["TypedArray.prototype"] = owners.TypedArray.prototype;
  for (const path in permits) {
    if (path in owners) continue;
    const [name, member] = path.split(".");
    owners[path] = member ? global[name].prototype : global[name];
  }

  // Take away what is not permitted, and put replacements in place.
  const functionKeys = ["length", "name", "prototype"];
  for (const path in permits) {
    if (classes[path]) continue; // it gets what is permitted below
    const owner = owners[path];
    const permitted = permits[path].split(" ");
    for (const key of ownKeys(owner)) {
      const own = label(key);
      if (permitted.includes(own) || (typeof owner === "function" && functionKeys.includes(own))) continue;
      if (!deleteProperty(owner, key)) throw new TypeError(path + " keeps " + own);
    }
  }
  // A prototype that is reached only from objects that the engine makes has no constructor.
  for (const o of hidden) {
    for (let p = o; p !== null && p !== Object.prototype && p !== Function.prototype; p = getPrototypeOf(p)) deleteProperty(p, "constructor");
  }
  for (const path in natives) {
    const dot = path.lastIndexOf(".");
    const owner = owners[path.slice(0, dot)];
    defineProperty(owner, path.slice(dot + 1), { value: natives[path], writable: true, enumerable: false, configurable: true });
  }
  // What stays the engine's own counts when it is called, too. Two make an iterator of
  // whatever there is and look at nothing; the engine knows its own by them.
  const guarded = (owner, key) => {
    const d = getOwnPropertyDescriptor(owner, key);
    if (d && d.configurable && typeof d.value === "function") defineProperty(owner, key, { ...d, value: guard(d.value) });
  };
  for (const path in permits) {
    const owner = owners[path];
    for (const key of ownKeys(owner)) {
      const own = label(key);
      if (own === "constructor" || own === "prototype" || path + "." + own in natives) continue;
      if (own === "Symbol(Symbol.iterator)" && !path.startsWith("String")) continue;
      guarded(owner, key);
    }
  }
  for (const o of hidden) {
    for (let p = o; p !== null && p !== Object.prototype && p !== Function.prototype; p = getPrototypeOf(p)) guarded(p, "next");
  }
  for (const name of values) if (typeof global[name] === "function" && !(name in globals)) globals[name] = guard(global[name]);
  const made = {};
  for (const name in permits) {
    if (name.includes(".") || name === "TypedArray") continue;
    const original = owners[name];
    const now = classes[name] || original;
    if (now !== original) {
      const permitted = permits[name].split(" ");
      for (const key of ownKeys(original)) {
        if (key === "prototype" || permitted.includes(label(key))) defineProperty(now, key, getOwnPropertyDescriptor(original, key));
      }
    }
    made[name] = now;
    defineProperty(original.prototype, "constructor", { value: now, writable: true, enumerable: false, configurable: true });
  }
  for (const name of errors) if (name !== "Error") setPrototypeOf(made[name], made.Error);
  // A later write to an intrinsic's own property would be refused; see override.
  for (const name in globals) made[name] = globals[name];
  for (const key of ownKeys(global)) {
    if (values.includes(key)) continue;
    if (!deleteProperty(global, key)) throw new TypeError("the global object keeps " + label(key));
  }
  for (const name in made) defineProperty(global, name, { value: made[name], writable: true, enumerable: false, configurable: true });

  // A frozen prototype would keep a contract from giving its own objects a property of the
  // same name by assignment. Where that is common, the property becomes a pair of functions
  // that answer with the value and define the property on the object assigned to.
  const override = (owner, key) => {
    const old = getOwnPropertyDescriptor(owner, key);
    if (!old || !("value" in old)) return;
    const { value } = old;
    const pair = {
      get() {
        return value;
      },
      set(to) {
        if (this === owner || this === null || (typeof this !== "object" && typeof this !== "function")) {
          throw new TypeError("Cannot assign to " + label(key) + " of the library");
        }
        defineProperty(this, key, { value: to, writable: true, enumerable: true, configurable: true });
      },
    };
    freeze(pair.get);
    freeze(pair.set);
    defineProperty(owner, key, { get: pair.get, set: pair.set, enumerable: false, configurable: false });
  };
  for (const path in permits) {
    if (!path.endsWith(".prototype")) continue;
    const owner = owners[path];
    const all = path === "Object.prototype" || path === "Function.prototype" || errors.includes(path.slice(0, -10));
    for (const key of ownKeys(owner)) {
      if (all ? typeof key === "string" : ["constructor", "toString", "valueOf"].includes(key)) override(owner, key);
    }
  }

  // Freeze all that can be reached.
  const seen = new Set();
  const freezeAll = (o) => {
    if (o === null || (typeof o !== "object" && typeof o !== "function") || seen.has(o)) return;
    seen.add(o);
    freeze(o);
    freezeAll(getPrototypeOf(o));
    for (const key of ownKeys(o)) {
      const d = getOwnPropertyDescriptor(o, key);
      freezeAll(d.value);
      freezeAll(d.get);
      freezeAll(d.set);
    }
  };
  freezeAll(global);
  for (const o of hidden) freezeAll(o);
});
