//! x
use std::time::Instant;
fn main() {
    let mut n = 0;
    let mut bytes = 0;
    let args: Vec<_> = std::env::args().skip(1).collect();
    let base = std::fs::read(&args[0]).unwrap();
    let t = Instant::now();
    let base_btf = btf::Btf::parse(&base).unwrap();
    println!("parse {:?} types {} heap {} of {}", t.elapsed(), base_btf.len(), base_btf.heap_bytes(), base.len());
    let t = Instant::now();
    let mut h = 0u64;
    for ty in base_btf.iter() { for f in ty.fields() { h = h.wrapping_mul(31).wrapping_add(u64::from(f.raw)); } }
    println!("walk {:?} {h}", t.elapsed());
    for p in &args {
        let data = std::fs::read(p).unwrap();
        let b = btf::Btf::parse(&data).unwrap();
        let v = if p == &args[0] { b.alone() } else { b.over(&base_btf) };
        let out = btf::Builder::copy_of(v).unwrap().to_bytes().unwrap();
        assert!(out == data, "{p} differs");
        assert!(btf::is_compact(&b), "{p}");
        let sw = btf::Builder::copy_in(v, b.endian().swapped()).unwrap().to_bytes().unwrap();
        let sb = btf::Btf::parse(&sw).unwrap();
        let back = btf::Builder::copy_in(sb.alone(), b.endian()).unwrap().to_bytes().unwrap();
        assert!(back == data);
        for (id, ty) in v.own_types() {
            assert!(v.get(id).is_some());
            for f in ty.fields() {
                match f.value() {
                    btf::Value::Name(o) => assert!(v.string(o).is_some(), "{p} {id} {o}"),
                    btf::Value::Type(t) => assert!(v.get(t).is_some(), "{p} {id} {t}"),
                    btf::Value::Number(_) => {}
                }
            }
        }
        n += 1; bytes += data.len();
    }
    println!("{n} files {bytes} bytes identical");
}
