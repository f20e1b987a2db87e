// How many work items are worth a thread follows from the bytes that a launch reads and writes: 64 KiB of tensors for each.
// RUN: rm -rf %t && hadron compile %s -o %t/lib --chip x86-64 --dump-phases-to %t/dump
// RUN: FileCheck %s < %t/dump/7-host.mlir

// 2 * 256 bytes in and out for each row.
// CHECK-LABEL: llvm.func internal @main.run
// CHECK: %[[ROWS:.*]] = llvm.load
// CHECK: %[[WORK:.*]] = llvm.call @k0.work
// CHECK: %[[ROW:.*]] = arith.constant 512 : i64
// CHECK: %[[BYTES:.*]] = arith.muli %[[ROW]], %{{.*}} : i64
// CHECK: %[[SOME:.*]] = arith.maxsi %[[BYTES]], %{{.*}} : i64
// CHECK: %[[THREAD:.*]] = arith.constant 65536 : i64
// CHECK: %[[ITEMS:.*]] = arith.muli %[[WORK]], %[[THREAD]] : i64
// CHECK: %[[GRAIN:.*]] = arith.divui %[[ITEMS]], %[[SOME]] : i64
// CHECK: llvm.call @hadron_rt_launch(%{{.*}}, %{{.*}}, %{{.*}}, %[[WORK]], %[[GRAIN]])
module attributes {hadron.library = "grain"} {
  func.func @main(%x: tensor<?x64xf32> {hadron.name = "x", hadron.shape = ["rows", "64"]}) -> (tensor<?x64xf32> {hadron.name = "y", hadron.shape = ["rows", "64"]}) attributes {hadron.entry} {
    %0 = hadron.rms_norm %x {epsilon = 1.0e-5 : f64} : tensor<?x64xf32>
    return %0 : tensor<?x64xf32>
  }
}
