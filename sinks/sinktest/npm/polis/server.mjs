// Ory Polis: its directory sync over HTTP, as its own service serves it, with the database
// in memory. One directory is made at the start; its endpoint and secret are printed.
import {createServer} from "node:http";
import jackson from "@boxyhq/saml-jackson";

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const scimPath = "/api/scim/v2.0";

const quiet = () => {};
const {directorySyncController} = await jackson.controllers({
    externalUrl: origin,
    samlPath: "/api/oauth/saml",
    scimPath,
    noAnalytics: true,
    db: {engine: "mem"},
    logger: {info: quiet, warn: quiet, error: console.error},
});
const {data: directory, error} = await directorySyncController.directories.create({
    tenant: "sinktest", product: "idpbridge", type: "generic-scim-v2", name: "sinktest",
});
if (error) throw new Error(error.message);

async function read(request) {
    const parts = [];
    for await (const part of request) parts.push(part);
    return parts.length ? JSON.parse(Buffer.concat(parts).toString()) : undefined;
}

// The route of the service: /api/scim/v2.0/{directory}/{Users|Groups}[/{id}].
async function answer(request) {
    const url = new URL(request.url, origin);
    const [directoryId, resourceType, resourceId] = url.pathname.slice(scimPath.length + 1).split("/").map(decodeURIComponent);
    const number = (name) => (url.searchParams.has(name) ? Number.parseInt(url.searchParams.get(name), 10) : undefined);
    if (!url.pathname.startsWith(scimPath + "/") || !resourceType) return {status: 404, data: {}};
    return directorySyncController.requests.handle({
        method: request.method,
        body: await read(request),
        directoryId,
        resourceType,
        resourceId,
        apiSecret: (request.headers.authorization ?? "").split(" ")[1] ?? null,
        query: {count: number("count"), startIndex: number("startIndex"), filter: url.searchParams.get("filter") ?? undefined},
    });
}

server.on("request", async (request, response) => {
    let result;
    try {
        result = await answer(request);
    } catch (err) {
        result = {status: 500, data: {error: {message: err?.message ?? "Internal Server Error"}}};
    }
    response.writeHead(result.status, {"Content-Type": "application/json"});
    response.end(JSON.stringify(result.data));
});
console.log(JSON.stringify({baseURL: directory.scim.endpoint, token: directory.scim.secret}));
process.stdin.resume().on("end", () => process.exit(0)); // the test is over
