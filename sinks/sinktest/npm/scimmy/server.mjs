// A SCIM server as a user of SCIMMY writes it from its documentation: the library does the
// protocol, the application keeps users and groups (here in two maps) and refuses names
// that are taken.
import {randomUUID} from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const token = process.env.SCIM_TOKEN;

// handlers keeps resources of one kind; `unique` is the attribute that must not repeat.
function handlers(unique) {
    const stored = new Map();
    const taken = new Map(); // folded value of the unique attribute -> id

    return {
        ingress(resource, data) {
            const {id = randomUUID()} = resource;
            if (resource.id && !stored.has(id)) {
                throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
            }
            const key = data[unique].toLowerCase();
            if (taken.has(key) && taken.get(key) !== id) {
                throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is already in use`);
            }
            const before = stored.get(id);
            if (before) taken.delete(before[unique].toLowerCase());
            const now = new Date();
            const value = JSON.parse(JSON.stringify(data));
            const after = {...value, id, meta: {created: before?.meta.created ?? now, lastModified: now}};
            stored.set(id, after);
            taken.set(key, id);
            return after;
        },
        egress(resource) {
            if (resource.id) {
                const found = stored.get(resource.id);
                if (!found) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
                return found;
            }
            const all = [...stored.values()];
            return resource.filter ? resource.filter.match(all) : all;
        },
        degress(resource) {
            const found = stored.get(resource.id);
            if (!found) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            stored.delete(resource.id);
            taken.delete(found[unique].toLowerCase());
        },
    };
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
SCIMMY.Resources.declare(SCIMMY.Resources.User, handlers("userName"));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, handlers("displayName"));

const app = express();
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler(request) {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("Authorization not valid");
        return "provisioner";
    },
}));

const server = app.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({baseURL: `http://127.0.0.1:${server.address().port}/scim/v2`}));
});
process.stdin.resume().on("end", () => process.exit(0)); // the test is over
