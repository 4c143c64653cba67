//! The description of the API, made of the very types that decode, check and answer (OpenAPI 3.1, JSON Schema 2020-12), so
//! that it cannot say anything else than what happens.

use super::endpoint::{Endpoint, IF_MATCH};
use crate::policies::{Policy, Proof};
use actix_web::http::Method;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// An operation, and how to describe it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method, in small letters.
    pub method: String,
    /// The path.
    pub path: &'static str,
    describe: fn(&mut Schemas) -> Value,
}

impl Operation {
    /// That of an endpoint.
    pub fn of<E: Endpoint>() -> Self {
        let method = E::METHOD.as_str().to_ascii_lowercase();
        Self { method, path: E::PATH, describe: describe::<E> }
    }
}

/// The schemas of what is sent, and of what is answered.
struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let mut sent = settings.clone().for_deserialize();
        sent.transforms.push(Box::new(RecursiveTransform(no_default)));
        let sent = sent.into_generator();
        Self { sent, answered: settings.for_serialize().into_generator() }
    }

    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.answered.take_definitions(true);
        all.extend(self.sent.take_definitions(true));
        all
    }
}

/// The names of the members of `T` as it is sent.
pub fn members<T: JsonSchema>() -> BTreeSet<String> {
    let schema = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let schema = schema.into_root_schema_for::<T>();
    let members = schema.get("properties").and_then(Value::as_object);
    members.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The whole description of these operations.
pub fn document(operations: &[Operation]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let described = (operation.describe)(&mut schemas);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str()] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Frontdesk API",
            "version": "1.0.0",
            "description": ABOUT,
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "responses": { "Problem": problem() },
            "headers": headers(),
            "parameters": { "IdempotencyKey": idempotency_key() },
            "securitySchemes": schemes(),
        },
    })
}

const ABOUT: &str = "What goes wrong is a problem document (RFC 9457), with a pointer to each field. Lists are read part by part: the \
    member next, and the Link header, say where the next part begins. What was read is tagged: send If-None-Match. Send an \
    Idempotency-Key with what is to have one effect however often it arrives. A Consistency-Token that was answered, sent along \
    with what is read next, shows what was written on every instance.";

fn describe<E: Endpoint>(schemas: &mut Schemas) -> Value {
    let body = (E::METHOD != Method::GET && E::BODY > 0).then(|| {
        let schema = schemas.sent.subschema_for::<E::Input>();
        let mut content = json!({ "application/json": { "schema": schema } });
        if E::OAUTH {
            content["application/x-www-form-urlencoded"] = content["application/json"].clone();
        }
        json!({ "required": true, "content": content })
    });
    let mut described = json!({
        "operationId": operation_id::<E>(),
        "summary": E::SUMMARY,
        "tags": [tag(E::PATH)],
        "parameters": parameters::<E>(schemas),
        "responses": responses::<E>(schemas, body.is_some()),
        "security": security(E::Auth::PROOF),
        "x-rate-limit": E::LIMIT.to_string(),
    });
    if let Some(body) = body {
        described["requestBody"] = body;
    }
    if E::RETIRES.is_some() {
        described["deprecated"] = true.into();
    }
    described
}

/// Its place in the code, without what is the same for all: `leads_create`.
fn operation_id<E: Endpoint>() -> String {
    let name = std::any::type_name::<E>();
    let name = name.split_once("::v1::").map_or(name, |(_, name)| name);
    name.to_ascii_lowercase().replace("::", "_")
}

/// The resource: what stands after the version.
fn tag(path: &str) -> &str {
    path.trim_start_matches("/api/v1/").split('/').next().unwrap_or_default()
}

fn parameters<E: Endpoint>(schemas: &mut Schemas) -> Vec<Value> {
    let mut found = Vec::new();
    for part in E::PATH.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            let schema = schemas.sent.subschema_for::<E::At>();
            found.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
    }
    if E::METHOD == Method::GET {
        let mut schema = inline::<E::Input>();
        let required = schema.remove("required").unwrap_or_default();
        for (name, schema) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let required = required.as_array().is_some_and(|all| all.contains(&json!(name)));
            found.push(
                json!({ "name": name, "in": "query", "required": required, "schema": schema }),
            );
        }
    } else if E::Auth::PROOF.is_someones() {
        found.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    found.extend(E::HEADERS.iter().map(|(name, about)| {
        json!({ "name": name, "in": "header", "required": true, "description": about,
                "schema": { "type": "string", "minLength": 1 }, "example": "*" })
    }));
    found
}

/// The schema of `T` with nothing referred to. What may be missing in a query is missing, and never null.
fn inline<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.transforms.push(Box::new(RecursiveTransform(never_null)));
    });
    settings.into_generator().into_root_schema_for::<T>()
}

/// A member with a default need not be sent, which `required` says already; generators of clients take one for always there.
fn no_default(schema: &mut Schema) {
    schema.remove("default");
}

fn never_null(schema: &mut Schema) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("anyOf") {
        kinds.retain(|kind| kind["type"] != "null");
        if let [only] = kinds.as_slice()
            && let Ok(only) = Schema::try_from(only.clone())
        {
            let description = schema.remove("description");
            *schema = only;
            description.map(|text| schema.insert("description".to_owned(), text));
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    schema.remove("default");
}

fn responses<E: Endpoint>(schemas: &mut Schemas, has_body: bool) -> Value {
    let schema = schemas.answered.subschema_for::<E::Output>();
    let reads = E::METHOD == Method::GET;
    let mut headers: Vec<&str> = vec!["RateLimit", "RateLimit-Policy", "ETag"];
    headers.extend(if reads {
        ["Link"].as_slice()
    } else {
        ["Consistency-Token", "Idempotent-Replayed"].as_slice()
    });
    if E::STATUS.as_u16() == 201 {
        headers.push("Location");
    }
    let headers: Map<String, Value> = headers
        .into_iter()
        .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
        .collect();
    let mut all = json!({
        E::STATUS.as_str(): {
            "description": E::STATUS.canonical_reason().unwrap_or_default(),
            "headers": headers,
            "content": { "application/json": { "schema": schema } },
        },
        "default": { "$ref": "#/components/responses/Problem" },
    });
    if reads {
        all["304"] = json!({ "description": "Not Modified" });
    }
    let mut problems = vec!["400", "406", "422", "429", "503"];
    problems.extend(if has_body { ["413", "415"].as_slice() } else { &[] });
    problems.extend(if E::Auth::PROOF == Proof::Nothing { [].as_slice() } else { &["401", "403"] });
    problems.extend(if E::PATH.contains('{') { ["404"].as_slice() } else { &[] });
    problems.extend(if !reads && E::Auth::PROOF.is_someones() { ["409"].as_slice() } else { &[] });
    let is_conditional = E::HEADERS.contains(&IF_MATCH);
    problems.extend(if is_conditional { ["412", "428"].as_slice() } else { &[] });
    if E::RETIRES.is_some() {
        for name in ["Deprecation", "Sunset"] {
            let header = json!({ "$ref": format!("#/components/headers/{name}") });
            all[E::STATUS.as_str()]["headers"][name] = header;
        }
    }
    for status in problems {
        all[status] = json!({ "$ref": "#/components/responses/Problem" });
    }
    all
}

fn security(proof: Proof) -> Value {
    match proof {
        Proof::Nothing | Proof::Otherwise => json!([]),
        Proof::Key(scope) => json!([{ "key": [scope] }, { "bearer": [scope] }]),
        Proof::KeyForMore(scope) => {
            json!([{}, { "key": [scope] }, { "bearer": [scope] }, { "member": [] }])
        }
        Proof::Member => json!([{ "member": [] }]),
    }
}

fn schemes() -> Value {
    json!({
        "key": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key with the scope." },
        "bearer": { "type": "http", "scheme": "bearer", "description": "The same API key." },
        "member": { "type": "http", "scheme": "bearer", "description": "The access token of a member's app." },
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "A string in double quotes that is this request's own. Sent again within a week, with the same key, it has \
            no second effect, and gets the same answer.",
        "schema": { "type": "string", "pattern": "^\"[A-Za-z0-9_.:-]{1,255}\"$" },
        "example": "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
    })
}

fn headers() -> Value {
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    json!({
        "RateLimit": text("By the name of each limit: how many more requests may follow, and in how many seconds it is all of them again."),
        "RateLimit-Policy": text("By the name of each limit (door, key-minute, key-day): how many requests may come in how many seconds."),
        "ETag": text("Which version this is."),
        "Deprecation": text("Since when this is not to be used any more."),
        "Sunset": text("From when on this may be gone."),
        "Link": text("Where the next part of the list begins, if there is one."),
        "Location": text("Where to find what was made, if it can be found."),
        "Consistency-Token": text("Sent along with what is read next, it shows what was written."),
        "Idempotent-Replayed": text("true where this was answered before, to the same Idempotency-Key."),
    })
}

fn problem() -> Value {
    json!({
        "description": "What was wrong, and where.",
        "headers": { "Retry-After": { "schema": { "type": "integer" }, "description": "Seconds, where waiting helps." } },
        "content": { "application/problem+json": { "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": { "type": "string", "format": "uri-reference" },
                "title": { "type": "string" },
                "status": { "type": "integer", "minimum": 400, "maximum": 599 },
                "detail": { "type": "string" },
                "instance": { "type": "string" },
                "errors": { "type": "array", "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": { "pointer": { "type": "string" }, "detail": { "type": "string" } },
                } },
                "violated-policies": { "type": "array", "items": { "type": "string" } },
            },
        } } },
    })
}
