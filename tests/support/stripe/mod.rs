//! A server that speaks as much of Stripe as is needed, on an origin of its own: forms in, JSON out, keys that have a thing done
//! once, errors in its words, pages on which a visitor pays, and events that it signs. Everything is in memory; a test looks into
//! it and does what only Stripe, a bank or time can do.

mod api;
mod events;
mod life;
mod pages;

pub use events::signature;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, LOCATION};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use frontdesk::clock::Clock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// What we are known by there.
pub const KEY: &str = "sk_test_51Frontdesk";
/// What it signs with.
pub const SECRET: &str = "whsec_a_secret_of_stripe_that_is_long_enough";

/// The server. It ends with the process.
#[derive(Clone)]
pub struct Stripe {
    /// `http://127.0.0.1:PORT`
    pub origin: String,
    world: Arc<Mutex<World>>,
}

/// All there is.
pub struct World {
    origin: String,
    clock: Clock,
    count: u64,
    /// By id.
    objects: BTreeMap<String, Value>,
    /// The ids, as they were made.
    made: Vec<String>,
    /// As they happened.
    events: Vec<Value>,
    /// How many of them were handed out to be delivered.
    handed_out: usize,
    /// What was answered under each key, and to what.
    keys: HashMap<String, (String, u16, Value)>,
    /// How the next requests that change something go wrong.
    faults: VecDeque<Fault>,
    /// How often each path was posted to.
    posts: HashMap<String, usize>,
    /// Whether what is given back takes days, as it does where there is no money to give yet.
    pub refunds_wait: bool,
}

/// How a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and this is answered.
    Refuse(u16),
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is done, or is not, and nothing is ever answered.
    Hang {
        /// Whether it is done.
        done: bool,
    },
}

/// What is answered.
pub enum Reply {
    /// A document.
    Json(u16, Value),
    /// A page.
    Page(u16, String),
    /// It goes on there.
    SeeOther(String),
}

impl Stripe {
    /// Starts it, on a free port.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0", "127.0.0.1").unwrap()
    }

    /// Starts it there, known by this name. It has to lead to this machine.
    pub fn start_at(address: &str, name: &str) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        let origin = format!("http://{name}:{}", listener.local_addr()?.port());
        let world = World {
            origin: origin.clone(),
            clock: Clock::default(),
            count: 0,
            objects: BTreeMap::new(),
            made: Vec::new(),
            events: Vec::new(),
            handed_out: 0,
            keys: HashMap::new(),
            faults: VecDeque::new(),
            posts: HashMap::new(),
            refunds_wait: false,
        };
        let stripe = Self { origin, world: Arc::new(Mutex::new(world)) };
        let served = web::Data::new(stripe.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(web::Data::clone(&served))
                        .app_data(web::PayloadConfig::new(1024 * 1024))
                        .default_service(web::to(serve))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                server.listen(listener).unwrap().run().await.unwrap();
            });
        });
        Ok(stripe)
    }

    /// What a site has set that takes payments here.
    pub fn settings(&self) -> [(&str, &str); 3] {
        [
            ("STRIPE_SECRET_KEY", KEY),
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("STRIPE_API_BASE", &self.origin),
        ]
    }

    /// Looks into it.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The next requests that change something go wrong like this.
    pub fn will_fail(&self, faults: &[Fault]) {
        self.world().faults.extend(faults);
    }

    /// How often something was asked for that changes something, at a path below `/v1`.
    pub fn posts(&self, path: &str) -> usize {
        self.world().posts.get(path).copied().unwrap_or_default()
    }

    /// The same, whatever it was.
    pub fn all_posts(&self) -> usize {
        self.world().posts.values().sum()
    }

    /// All objects of a kind, in the order they were made.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        self.world().all(kind)
    }

    /// An object.
    pub fn get(&self, id: &str) -> Value {
        self.world().objects[id].clone()
    }
}

impl World {
    /// The moment, in seconds.
    pub fn now(&self) -> i64 {
        self.clock.now().unix_timestamp()
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        let all = self.made.iter().filter_map(|id| self.objects.get(id));
        all.filter(|object| object["object"] == kind).cloned().collect()
    }

    /// A new id.
    fn id(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_{:08}", self.count)
    }

    /// Makes an object, with its id, kind and time.
    fn make(&mut self, prefix: &str, kind: &str, mut object: Value) -> String {
        let id = self.id(prefix);
        object["id"] = json!(id);
        object["object"] = json!(kind);
        object["created"] = json!(self.now());
        object["livemode"] = json!(false);
        self.objects.insert(id.clone(), object);
        self.made.push(id.clone());
        id
    }

    /// Changes an object.
    fn set(&mut self, id: &str, member: &str, value: Value) {
        self.objects.get_mut(id).unwrap()[member] = value;
    }
}

/// The fields of a form, or of a query.
pub type Fields = BTreeMap<String, String>;

#[expect(clippy::await_holding_lock, reason = "it is let go of before")]
async fn serve(request: HttpRequest, body: web::Bytes, stripe: web::Data<Stripe>) -> HttpResponse {
    let read = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Fields>();
    let (query, form) = (read(request.query_string().as_bytes()), read(&body));
    let path = request.path().to_owned();
    let is_post = request.method() == "POST";
    let mut world = stripe.world();
    let reply = match path.strip_prefix("/v1/") {
        None => world.page(is_post, &path, &form),
        Some(below) => {
            if let Err(refused) = proven(request.headers()) {
                return answer(refused);
            }
            match is_post {
                false => world.read(below, &query),
                true => {
                    *world.posts.entry(below.to_owned()).or_default() += 1;
                    match world.faults.pop_front() {
                        Some(Fault::Refuse(status)) => error(status, "api_error", "told_to"),
                        Some(Fault::Hang { done }) => {
                            if done {
                                world.once(request.headers(), below, &body, &form);
                            }
                            drop(world);
                            return std::future::pending().await;
                        }
                        fault => {
                            let reply = world.once(request.headers(), below, &body, &form);
                            match fault {
                                Some(_) => error(502, "api_error", "lost"),
                                None => reply,
                            }
                        }
                    }
                }
            }
        }
    };
    answer(reply)
}

/// Whether it is us, who say which version we speak.
fn proven(headers: &HeaderMap) -> Result<(), Reply> {
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if says("authorization") != Some(&format!("Bearer {KEY}")) {
        return Err(error(401, "invalid_request_error", "api_key_invalid"));
    }
    if says("stripe-version").is_none_or(|version| !version.starts_with("20")) {
        return Err(error(400, "invalid_request_error", "version_missing"));
    }
    Ok(())
}

/// An error in its words.
pub fn error(status: u16, kind: &str, code: &str) -> Reply {
    let said = json!({ "error": { "type": kind, "code": code, "message": "Ada Lovelace's card" } });
    Reply::Json(status, said)
}

fn answer(reply: Reply) -> HttpResponse {
    match reply {
        Reply::Json(status, document) => {
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(document)
        }
        Reply::Page(status, page) => HttpResponse::build(StatusCode::from_u16(status).unwrap())
            .content_type("text/html; charset=utf-8")
            .body(page),
        Reply::SeeOther(place) => {
            HttpResponse::SeeOther().insert_header((LOCATION, place)).finish()
        }
    }
}
