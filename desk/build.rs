//! Says in one line what is missing when the console was not built.

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
    if !std::path::Path::new("web/dist/index.html").is_file() {
        println!("cargo::error=desk/web/dist: the console is not built; run `make console`");
    }
}
