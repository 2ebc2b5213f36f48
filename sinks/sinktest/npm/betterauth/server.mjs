// Better Auth with its SCIM plugin over a real SQL database: SQLite compiled to WebAssembly,
// so that nothing has to be built.
import {createServer} from "node:http";
import {betterAuth} from "better-auth";
import {getMigrations} from "better-auth/db/migration";
import {toNodeHandler} from "better-auth/node";
import {scim} from "@better-auth/scim";
import {SqliteDialect} from "kysely";
import initSqlJs from "sql.js";

// statement gives sql.js the shape that Kysely's SQLite dialect asks for.
function statement(db, sql) {
    const reader = /^\s*(select|with|pragma)\b/i.test(sql) || /\breturning\b/i.test(sql);
    const all = (parameters) => {
        const prepared = db.prepare(sql);
        try {
            prepared.bind(parameters.map((p) => (p === undefined ? null : p)));
            const rows = [];
            while (prepared.step()) rows.push(prepared.getAsObject());
            return rows;
        } finally {
            prepared.free();
        }
    };
    return {
        reader,
        all,
        run(parameters) {
            all(parameters);
            return {changes: db.getRowsModified(), lastInsertRowid: undefined};
        },
        *iterate(parameters) {
            yield* all(parameters);
        },
    };
}

const SQL = await initSqlJs();
const database = new SQL.Database();
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const options = {
    baseURL: origin,
    secret: "a secret of this test server only, nothing else",
    telemetry: {enabled: false},
    logger: {level: "error"},
    database: {
        dialect: new SqliteDialect({database: {prepare: (sql) => statement(database, sql), close: () => database.close()}}),
        type: "sqlite",
        transaction: true,
    },
    rateLimit: process.env.SCIM_RATE_LIMIT === "1" ? {enabled: true, window: 10, max: 100} : {enabled: false},
    plugins: [scim({
        connections: [{id: "bridge", credentials: [{type: "bearer", id: "bridge-1", token: process.env.SCIM_TOKEN}]}],
    })],
};
const {runMigrations} = await getMigrations(options);
await runMigrations();

server.on("request", toNodeHandler(betterAuth(options)));
console.log(JSON.stringify({baseURL: `${origin}/api/auth/scim/v2`}));
process.stdin.resume().on("end", () => process.exit(0)); // the test is over
