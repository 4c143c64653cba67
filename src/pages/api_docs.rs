//! The description of the API, for people: what programs read at `/api/v1/openapi.json`, as a page.

use crate::api::v1::openapi::DOCUMENT;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::CachedPage;
use crate::policies::Anyone;
use crate::tags::Dependencies;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use std::sync::LazyLock;
use templates::api_docs::{Field, Operation, page};
use templates::{View, paths};

/// `/api/docs`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/api/docs";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Show {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::api_docs()
    }

    async fn view(_: &mut PgConnection, (): &(), (): &(), _: &mut Dependencies) -> Result<View> {
        let about = DESCRIBED["info"]["description"].as_str().unwrap_or_default();
        Ok(page(about, &operations()))
    }
}

static DESCRIBED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(DOCUMENT).unwrap_or_default());

fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in members(&DESCRIBED["paths"]) {
        all.extend(members(methods).map(|(method, it)| operation(path, method, it)));
    }
    all
}

fn operation(path: &str, method: &str, it: &Value) -> Operation {
    let mut sent: Vec<Field> = items(&it["parameters"]).map(parameter).collect();
    let body = json_of(&it["requestBody"]);
    sent.extend(fields(body));
    let mut answers = members(&it["responses"]);
    let (status, answer) = answers.find(|(status, _)| status.starts_with('2')).unzip();
    Operation {
        id: text(it, "operationId").to_owned(),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text(it, "summary").to_owned(),
        proof: proof(&it["security"]),
        limit: text(it, "x-rate-limit").to_owned(),
        curl: curl(path, method, it),
        sent,
        status: status.cloned().unwrap_or_default(),
        answered: answer.map(|answer| fields(json_of(answer))).unwrap_or_default(),
    }
}

/// The members of an object, or none.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The items of an array, or none.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn json_of(value: &Value) -> &Value {
    resolved(&value["content"]["application/json"]["schema"])
}

/// What a reference refers to.
fn resolved(value: &Value) -> &Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| DESCRIBED.pointer(pointer)).unwrap_or(value)
}

fn parameter(it: &Value) -> Field {
    let it = resolved(it);
    let about = it.get("description").or_else(|| it["schema"].get("description"));
    Field {
        name: text(it, "name").to_owned(),
        place: text(it, "in").to_owned(),
        kind: kind(&it["schema"]),
        about: about.and_then(Value::as_str).unwrap_or_default().to_owned(),
        required: it["required"] == true,
    }
}

/// The members of a document, those of its lists after them.
fn fields(schema: &Value) -> Vec<Field> {
    let required = |name: &str| items(&schema["required"]).any(|one| one == name);
    let mut found = Vec::new();
    for (name, member) in members(&schema["properties"]) {
        found.push(Field {
            name: name.clone(),
            place: "body".to_owned(),
            kind: kind(member),
            about: text(member, "description").to_owned(),
            required: required(name),
        });
        let inner = fields(resolved(&member["items"]));
        found.extend(
            inner
                .into_iter()
                .map(|field| Field { name: format!("{name}[].{}", field.name), ..field }),
        );
    }
    found
}

/// What may stand there, in a few words.
fn kind(schema: &Value) -> String {
    let schema = resolved(schema);
    let mut words: Vec<String> = match &schema["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => items(&schema["anyOf"]).map(kind).collect(),
    };
    let values = items(&schema["enum"]).chain(items(&schema["oneOf"]).map(|one| &one["const"]));
    let values: Vec<&str> = values.filter_map(Value::as_str).collect();
    if !values.is_empty() {
        words = vec![values.join(", ")];
    }
    let mut kind = words.join(" or ");
    for (name, before) in
        [("format", ", "), ("minLength", ", at least "), ("maxLength", ", at most ")]
    {
        match &schema[name] {
            Value::String(said) => kind.push_str(&format!("{before}{said}")),
            Value::Number(said) => kind.push_str(&format!("{before}{said} characters")),
            _ => {}
        }
    }
    kind
}

fn proof(security: &Value) -> String {
    let optional = items(security).any(|one| one.as_object().is_some_and(Map::is_empty));
    let scope = items(security).find_map(|one| items(&one["key"]).next()).and_then(Value::as_str);
    match (scope, items(security).next()) {
        (Some(scope), _) if optional => {
            format!("none; a member’s token, or a key with {scope}, shows more")
        }
        (Some(scope), _) => format!("an API key with {scope}"),
        (None, Some(_)) => "the access token of a member’s app".to_owned(),
        (None, None) => "none".to_owned(),
    }
}

/// A line for the shell. `$SITE`, `$KEY` and `$TOKEN` are the reader's own.
fn curl(path: &str, method: &str, it: &Value) -> String {
    let mut line = format!("curl \"$SITE{}\"", path.replace('{', "$").replace('}', ""));
    if method == "patch" {
        line.push_str(" -X PATCH");
    }
    let scheme =
        items(&it["security"]).filter_map(Value::as_object).find_map(|one| one.keys().next());
    match scheme.map(String::as_str) {
        Some("member") => line.push_str(" -H \"authorization: Bearer $TOKEN\""),
        Some(_) => line.push_str(" -H \"x-api-key: $KEY\""),
        None => {}
    }
    if items(&it["parameters"]).any(|one| text(resolved(one), "name") == "If-Match") {
        line.push_str(" -H 'if-match: *'");
    }
    let schema = json_of(&it["requestBody"]);
    if schema.is_object() {
        let required: Map<String, Value> = items(&schema["required"])
            .filter_map(Value::as_str)
            .map(|name| (name.to_owned(), example(&schema["properties"][name])))
            .collect();
        line.push_str(&format!(
            " -H 'content-type: application/json' -d '{}'",
            Value::Object(required)
        ));
    }
    line
}

/// Something that may stand there.
fn example(schema: &Value) -> Value {
    let schema = resolved(schema);
    match schema.get("examples").and_then(|all| all.get(0)) {
        Some(example) => example.clone(),
        None => "…".into(),
    }
}
