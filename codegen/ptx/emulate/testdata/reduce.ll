target triple = "nvptx64-nvidia-cuda"
@part = internal addrspace(3) global [32 x float] undef, align 4
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare float @llvm.nvvm.shfl.sync.bfly.f32(i32, float, i32, i32)
declare void @llvm.nvvm.barrier0()
; one block per row: y[row] = sum of x[row, 0..n)
define ptx_kernel void @rowsum(ptr addrspace(1) noalias readonly align 16 %x, ptr addrspace(1) noalias align 16 %y, i32 %n) {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %d = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %row = mul i32 %b, %n
  br label %head
head:
  %i = phi i32 [ %t, %entry ], [ %i2, %body ]
  %acc = phi float [ 0.0, %entry ], [ %acc2, %body ]
  %c = icmp slt i32 %i, %n
  br i1 %c, label %body, label %done
body:
  %at = add i32 %row, %i
  %at64 = sext i32 %at to i64
  %p = getelementptr float, ptr addrspace(1) %x, i64 %at64
  %v = load float, ptr addrspace(1) %p, align 4
  %acc2 = fadd float %acc, %v
  %i2 = add i32 %i, %d
  br label %head
done:
  %s16 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %acc, i32 16, i32 31)
  %a16 = fadd float %acc, %s16
  %s8 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %a16, i32 8, i32 31)
  %a8 = fadd float %a16, %s8
  %s4 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %a8, i32 4, i32 31)
  %a4 = fadd float %a8, %s4
  %s2 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %a4, i32 2, i32 31)
  %a2 = fadd float %a4, %s2
  %s1 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %a2, i32 1, i32 31)
  %a1 = fadd float %a2, %s1
  %lane = and i32 %t, 31
  %warp = lshr i32 %t, 5
  %first = icmp eq i32 %lane, 0
  br i1 %first, label %put, label %join
put:
  %pp = getelementptr float, ptr addrspace(3) @part, i32 %warp
  store float %a1, ptr addrspace(3) %pp, align 4
  br label %join
join:
  call void @llvm.nvvm.barrier0()
  %zero = icmp eq i32 %t, 0
  br i1 %zero, label %final, label %end
final:
  %warps = lshr i32 %d, 5
  br label %fh
fh:
  %k = phi i32 [ 0, %final ], [ %k2, %fb ]
  %f = phi float [ 0.0, %final ], [ %f2, %fb ]
  %kc = icmp slt i32 %k, %warps
  br i1 %kc, label %fb, label %fd
fb:
  %kp = getelementptr float, ptr addrspace(3) @part, i32 %k
  %kv = load float, ptr addrspace(3) %kp, align 4
  %f2 = fadd float %f, %kv
  %k2 = add i32 %k, 1
  br label %fh
fd:
  %b64 = sext i32 %b to i64
  %yp = getelementptr float, ptr addrspace(1) %y, i64 %b64
  store float %f, ptr addrspace(1) %yp, align 4
  br label %end
end:
  ret void
}
