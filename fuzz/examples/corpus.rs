//! Writes the seed corpora of the fuzz targets: `cargo run --example corpus -- DIR [TARGET…]` makes `DIR/TARGET/NAME` of every seed. The folder is not kept in
//! the repository; the seeds come from the shared vectors and field files, where these are present, and from openssl, where it is.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "corpus".to_owned());
    let named: Vec<String> = args.collect();
    for target in cngtoken_fuzz::seeds::TARGETS.iter().filter(|t| named.is_empty() || named.iter().any(|n| n == **t)) {
        let place = Path::new(&folder).join(target);
        std::fs::create_dir_all(&place)?;
        let seeds = cngtoken_fuzz::seeds::of(target);
        for (name, bytes) in &seeds {
            std::fs::write(place.join(name), bytes)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
