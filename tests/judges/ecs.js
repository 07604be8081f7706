// Holds events of the Elastic Common Schema, a line each, against its public fields. Its package is where ECS_SCHEMA says.
"use strict";

const { EcsFlat } = require(process.env.ECS_SCHEMA);
const net = require("node:net");

// The one name of our own: the schema leaves names that it does not have to their users.
const OURS = "edrctl";
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

const types = {
  keyword: (value) => typeof value === "string",
  constant_keyword: (value) => typeof value === "string",
  wildcard: (value) => typeof value === "string",
  text: (value) => typeof value === "string",
  match_only_text: (value) => typeof value === "string",
  date: (value) => typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value)),
  long: (value) => Number.isSafeInteger(value),
  float: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  ip: (value) => typeof value === "string" && net.isIP(value) !== 0,
};

function fields(object, before, into) {
  for (const [key, value] of Object.entries(object)) {
    const name = before ? before + "." + key : key;
    if (name === OURS) continue;
    if (value !== null && typeof value === "object" && !Array.isArray(value)) fields(value, name, into);
    else into.push([name, value]);
  }
}

function judge(event, wrong) {
  const found = [];
  fields(event, "", found);
  for (const [name, value] of found) {
    const field = EcsFlat[name];
    if (!field) {
      wrong.add(name + ": no such field");
      continue;
    }
    const wantsList = field.normalize.includes("array");
    if (wantsList !== Array.isArray(value)) wrong.add(name + ": is " + (wantsList ? "no list" : "a list"));
    for (const one of [value].flat()) {
      const fits = types[field.type];
      if (!fits) wrong.add(name + ": type " + field.type + " is not known here");
      else if (!fits(one)) wrong.add(name + ": " + JSON.stringify(one).slice(0, 100) + " is no " + field.type);
      const words = (field.allowed_values || []).map((word) => word.name);
      if (words.length > 0 && !words.includes(one)) wrong.add(name + ": " + one + " is not among " + words);
    }
  }
  for (const [name, field] of Object.entries(EcsFlat)) {
    if (field.required && !found.some(([is]) => is === name)) wrong.add(name + ": is required");
  }
  for (const category of event.event.category) {
    const expected = EcsFlat["event.category"].allowed_values.find((word) => word.name === category).expected_event_types;
    for (const kind of event.event.type) {
      if (!expected.includes(kind)) wrong.add("event.type: " + kind + " does not go with " + category);
    }
  }
}

const lines = require("node:fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
const wrong = new Set();
for (const line of lines) judge(JSON.parse(line), wrong);
if (lines.length === 0) wrong.add("there are no events");
if (wrong.size > 0) {
  console.error([...wrong].sort().join("\n"));
  process.exit(1);
}
