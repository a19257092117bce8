target triple = "nvptx64-nvidia-cuda"
@sa = internal addrspace(3) global [16 x [16 x float]] undef, align 16
@sb = internal addrspace(3) global [16 x [16 x float]] undef, align 16
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.tid.y()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()
declare float @llvm.fma.f32(float, float, float)
declare void @llvm.nvvm.barrier0()
; c[M,N] = a[M,K] . b[K,N], tiles of 16, all extents multiples of 16
define ptx_kernel void @matmul(ptr addrspace(1) noalias readonly align 16 %a, ptr addrspace(1) noalias readonly align 16 %b, ptr addrspace(1) noalias align 16 %c, i32 %n, i32 %kk) {
entry:
  %tx = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ty = call i32 @llvm.nvvm.read.ptx.sreg.tid.y()
  %bx = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %by = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()
  %by16 = mul i32 %by, 16
  %row = add i32 %by16, %ty
  %bx16 = mul i32 %bx, 16
  %col = add i32 %bx16, %tx
  %rowk = mul i32 %row, %kk
  br label %head
head:
  %k0 = phi i32 [ 0, %entry ], [ %k1, %step ]
  %acc = phi float [ 0.0, %entry ], [ %acc1, %step ]
  %more = icmp slt i32 %k0, %kk
  br i1 %more, label %tile, label %out
tile:
  %ka = add i32 %k0, %tx
  %ia = add i32 %rowk, %ka
  %ia64 = sext i32 %ia to i64
  %pa = getelementptr float, ptr addrspace(1) %a, i64 %ia64
  %va = load float, ptr addrspace(1) %pa, align 4
  %sap = getelementptr [16 x [16 x float]], ptr addrspace(3) @sa, i32 0, i32 %ty, i32 %tx
  store float %va, ptr addrspace(3) %sap, align 4
  %kb = add i32 %k0, %ty
  %ib0 = mul i32 %kb, %n
  %ib = add i32 %ib0, %col
  %ib64 = sext i32 %ib to i64
  %pb = getelementptr float, ptr addrspace(1) %b, i64 %ib64
  %vb = load float, ptr addrspace(1) %pb, align 4
  %sbp = getelementptr [16 x [16 x float]], ptr addrspace(3) @sb, i32 0, i32 %ty, i32 %tx
  store float %vb, ptr addrspace(3) %sbp, align 4
  call void @llvm.nvvm.barrier0()
  br label %inner
inner:
  %j = phi i32 [ 0, %tile ], [ %j1, %inner ]
  %acc0 = phi float [ %acc, %tile ], [ %acc1, %inner ]
  %la = getelementptr [16 x [16 x float]], ptr addrspace(3) @sa, i32 0, i32 %ty, i32 %j
  %xa = load float, ptr addrspace(3) %la, align 4
  %lb = getelementptr [16 x [16 x float]], ptr addrspace(3) @sb, i32 0, i32 %j, i32 %tx
  %xb = load float, ptr addrspace(3) %lb, align 4
  %acc1 = call float @llvm.fma.f32(float %xa, float %xb, float %acc0)
  %j1 = add i32 %j, 1
  %jc = icmp slt i32 %j1, 16
  br i1 %jc, label %inner, label %step
step:
  call void @llvm.nvvm.barrier0()
  %k1 = add i32 %k0, 16
  br label %head
out:
  %rn = mul i32 %row, %n
  %ic = add i32 %rn, %col
  %ic64 = sext i32 %ic to i64
  %pc = getelementptr float, ptr addrspace(1) %c, i64 %ic64
  store float %acc, ptr addrspace(1) %pc, align 4
  ret void
}
