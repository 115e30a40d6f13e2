// scimmy and scimmy-routers behind express, with users in a Map: node server.js PORT TOKEN
//
// The store is as quick as one can be, so that what is measured is the library: users by id and by userName, pages cut out in the sparse
// array that the library's documentation describes. Any other filter is left to the library's own `match`. Express is the major version
// that the library is developed with: in the next one `req.query` is made anew at each look, and the library's numbers in it are lost.
import {randomUUID} from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token] = process.argv.slice(2);
const byId = new Map();
const byName = new Map();
const key = (name) => name.toLowerCase();

function stored(id) {
    const user = byId.get(id);
    if (!user) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    return user;
}

function nameLookedFor(filter) {
    const attributes = filter.length === 1 ? Object.entries(filter[0]) : [];
    if (attributes.length !== 1 || attributes[0][0].toLowerCase() !== "username") return undefined;
    const [comparator, name] = attributes[0][1];
    return comparator === "eq" && typeof name === "string" ? name : undefined;
}

function found(filter) {
    const name = nameLookedFor(filter);
    if (name === undefined) return filter.match([...byId.values()]);
    return byName.has(key(name)) ? [byName.get(key(name))] : [];
}

function page({startIndex = 1, count = 20}) {
    const users = new Array(byId.size);
    let at = 0;
    for (const user of byId.values()) {
        if (at >= startIndex - 1 + count) break;
        if (at >= startIndex - 1) users[at] = user;
        at += 1;
    }
    return users;
}

SCIMMY.Resources.declare(SCIMMY.Resources.User, {
    egress: (resource) => {
        if (resource.id) return stored(resource.id);
        return resource.filter ? found(resource.filter) : page(resource.constraints ?? {});
    },
    ingress: (resource, instance) => {
        const before = resource.id ? stored(resource.id) : undefined;
        const holder = byName.get(key(instance.userName));
        if (holder && holder !== before) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
        const now = new Date().toISOString();
        const user = {
            ...JSON.parse(JSON.stringify(instance)),
            id: before?.id ?? randomUUID(),
            meta: {created: before?.meta.created ?? now, lastModified: now},
        };
        if (before) byName.delete(key(before.userName));
        byId.set(user.id, user);
        byName.set(key(user.userName), user);
        return user;
    },
    degress: (resource) => {
        byName.delete(key(stored(resource.id).userName));
        byId.delete(resource.id);
    },
});

const app = express();
app.disable("x-powered-by");
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("a bearer token is needed");
        return "peer";
    },
}));
app.listen(Number(port), "127.0.0.1");
