package dev.sluice.threads;

import com.tngtech.archunit.thirdparty.org.objectweb.asm.ClassReader;
import com.tngtech.archunit.thirdparty.org.objectweb.asm.ClassVisitor;
import com.tngtech.archunit.thirdparty.org.objectweb.asm.ClassWriter;
import com.tngtech.archunit.thirdparty.org.objectweb.asm.Handle;
import com.tngtech.archunit.thirdparty.org.objectweb.asm.MethodVisitor;
import com.tngtech.archunit.thirdparty.org.objectweb.asm.Opcodes;
import java.io.IOException;
import java.io.InputStream;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Loads this project's classes anew; the chosen ones call {@link Shortage#allocate} at each object or array that they make, and
 * {@link Shortage#link} at each lambda.
 * The classes are read and written by the library that the architecture's rules use.
 */
final class StarvingLoader extends ClassLoader {

    private static final String OURS = "dev.sluice.";

    /** Methods of the JDK that make something, or have their collection grow. */
    private static final Set<String> MAKERS = Set.of(
            "add", "put", "addAll", "offer", "of", "copyOf", "ofNanos", "iterator", "forEach", "stream", "execute", "start");

    /** The same of a buffer. */
    private static final Set<String> BUFFERS = Set.of("allocate", "duplicate", "slice", "wrap");

    private static final String SHORTAGE = Shortage.class.getName().replace('.', '/');

    private final Predicate<String> starving;

    /** Chooses classes by name. */
    StarvingLoader(Predicate<String> starving) {
        super(StarvingLoader.class.getClassLoader());
        this.starving = starving;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = in.readAllBytes();
            byte[] written = starving.test(name) ? starved(bytes) : bytes;
            return defineClass(name, written, 0, written.length);
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    private static byte[] starved(byte[] bytes) {
        ClassReader reader = new ClassReader(bytes);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
                MethodVisitor method = super.visitMethod(access, name, descriptor, signature, exceptions);
                return name.equals("<clinit>") ? method : new Asking(method);
            }
        }, 0);
        return writer.toByteArray();
    }

    private static final class Asking extends MethodVisitor {

        Asking(MethodVisitor method) {
            super(Opcodes.ASM9, method);
        }

        private void ask() {
            ask("allocate");
        }

        private void ask(String question) {
            super.visitMethodInsn(Opcodes.INVOKESTATIC, SHORTAGE, question, "()V", false);
        }

        @Override
        public void visitTypeInsn(int opcode, String type) {
            super.visitTypeInsn(opcode, type);
            if (opcode == Opcodes.NEW && !type.equals("java/lang/AssertionError") || opcode == Opcodes.ANEWARRAY) {
                ask(); // behind it: the frames know an object that is not initialized by the place of this instruction
            }
        }

        @Override
        public void visitIntInsn(int opcode, int operand) {
            if (opcode == Opcodes.NEWARRAY) {
                ask();
            }
            super.visitIntInsn(opcode, operand);
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            if (MAKERS.contains(name) && !owner.startsWith("dev/") && !owner.equals("java/nio/ByteBuffer")
                    || owner.equals("java/nio/ByteBuffer") && BUFFERS.contains(name)) {
                ask();
            }
            super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
        }

        @Override
        public void visitInvokeDynamicInsn(String name, String descriptor, Handle bootstrap, Object... arguments) {
            ask("link");
            super.visitInvokeDynamicInsn(name, descriptor, bootstrap, arguments);
        }
    }
}
