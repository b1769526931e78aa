/** The OpenAPI document, made of the table of routes and of the schemas that check the bodies. */
import { z } from "zod";
import { apiRoutes, apiSchemas } from "./routes.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

/** OpenAPI 3.1 of the whole API. `version` is that of the build. Every call answers HEAD as GET does, probes OPTIONS too. */
export function openApiDocument(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(apiRoutes)) {
    const path = route.path.replace("*", "{symbol}").replaceAll(/:([a-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(name, route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Baton",
      version,
      description:
        "Every node answers every call; what concerns orders is forwarded to the leader (header Baton-Leader). Decimals are strings, times are wall-clock milliseconds.",
    },
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      schemas: Object.fromEntries(
        Object.entries(apiSchemas).map(([name, schema]) => {
          const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
          return [name, rest];
        }),
      ),
    },
  };
}

function operationOf(name: string, route: ApiRoute): Readonly<Record<string, unknown>> {
  const answers = Object.entries(route.answers).map(([status, answer]) => [status, answerOf(answer)]);
  return {
    operationId: name,
    summary: route.summary,
    ...(route.isProbe === true && { security: [] }),
    description: `${route.isProbe === true ? "Anybody may ask, by OPTIONS too" : `Role: ${route.right}`}. Answered by ${route.on === "any" ? "each node itself" : "the leader"}.`,
    ...(route.parameters !== undefined && {
      parameters: route.parameters.map(({ name: parameter, in: place, says }) => ({
        name: parameter,
        in: place,
        description: says,
        ...(place === "path" && { required: true }),
        schema: { type: "string" },
      })),
    }),
    ...(route.body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: referenceTo(route.body) } } },
    }),
    responses: {
      ...Object.fromEntries(answers),
      default: answerOf({
        says: "401 without a known token, 403 without the role, 500 when we are wrong",
        body: "Problem",
      }),
    },
  };
}

function answerOf({ says, body }: ApiAnswer): Readonly<Record<string, unknown>> {
  if (body.includes("/")) return { description: says, content: { [body]: {} } };
  const mediaType = body === "Problem" ? "application/problem+json" : "application/json";
  return { description: says, content: { [mediaType]: { schema: referenceTo(body) } } };
}

function referenceTo(name: string): Readonly<Record<string, string>> {
  return { $ref: `#/components/schemas/${name}` };
}
