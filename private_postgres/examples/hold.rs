//! Starts a cluster in the folder given as the argument, prints the server's process and its
//! address, and holds it until the line comes to an end on standard input or the process is killed.

use private_postgres::{Cluster, Durability};
use std::{io, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: hold FOLDER [throwaway]");
        return ExitCode::from(2);
    };
    let throwaway = arguments.next().is_some_and(|word| word == "throwaway");
    let durability = if throwaway { Durability::Throwaway } else { Durability::Durable };
    let cluster = match Cluster::start(&folder, durability) {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n{}", cluster.pid(), cluster.url("postgres"));
    let _ = io::stdin().read_line(&mut String::new());
    match cluster.stop() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
